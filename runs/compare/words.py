"""What the codes of a comparison are called, and its figures and differences as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction

from runs.money import CENT_NUSD, MICRO_NUSD, to_usd
from runs.splits.cells import Reason
from runs.splits.facts import CREW
from runs.states import CostClass

MINUS, ABOUT, NOTHING = "−", "≈", "–"


@dataclass(frozen=True, slots=True)
class ReasonWords:
    """``title`` stands in a table. ``more`` and ``less`` stand in a sentence; {task}, {model} and {before} are filled
    in."""

    title: str
    more: str
    less: str


REASONS: Mapping[str, ReasonWords] = {
    "calls": ReasonWords("number of calls", "{task} asked more often", "{task} asked less often"),
    "prompt": ReasonWords("prompt tokens per call", "longer prompts in {task}", "shorter prompts in {task}"),
    "cached": ReasonWords(
        "cached prompt tokens per call", "more from the cache in {task}", "less from the cache in {task}"
    ),
    "cache_write": ReasonWords(
        "tokens written to the cache per call",
        "more written to the cache in {task}",
        "less written to the cache in {task}",
    ),
    "completion": ReasonWords("answer tokens per call", "longer answers in {task}", "shorter answers in {task}"),
    "price": ReasonWords(
        "price per token", "a higher price of {model} in {task}", "a lower price of {model} in {task}"
    ),
    "model": ReasonWords("model", "{task} on {model}", "{task} on {model}"),
    "fees": ReasonWords(
        "fees that are not tokens",
        "more for requests and searches in {task}",
        "less for requests and searches in {task}",
    ),
    "speed": ReasonWords("time per token", "{model} slower in {task}", "{model} faster in {task}"),
    "tools": ReasonWords("tools", "more for tools in {task}", "less for tools in {task}"),
    "other": ReasonWords("cost without tokens", "more without tokens in {task}", "less without tokens in {task}"),
    "added": ReasonWords("added task", "{task} added", "{task} added"),
    "removed": ReasonWords("removed task", "{task} left out", "{task} left out"),
    CostClass.PLANNING: ReasonWords("planning", "more planning", "less planning"),
    CostClass.MANAGER: ReasonWords("manager", "more of the manager in {task}", "less of the manager in {task}"),
    CostClass.GUARDRAIL: ReasonWords("guardrails", "more checks in {task}", "fewer checks in {task}"),
    CostClass.RETRY: ReasonWords("retries", "more retries in {task}", "fewer retries in {task}"),
    CostClass.REJECTED: ReasonWords(
        "rejected answers", "more rejected answers in {task}", "fewer rejected answers in {task}"
    ),
    CostClass.FAILED: ReasonWords("failed calls", "more failed calls in {task}", "fewer failed calls in {task}"),
    CostClass.CANCELLED: ReasonWords("cancelled calls", "more cancelled in {task}", "less cancelled in {task}"),
    CostClass.DUPLICATE: ReasonWords("paid twice", "more paid twice in {task}", "less paid twice in {task}"),
    CostClass.CACHE_HIT: ReasonWords("reused answers", "more reused in {task}", "less reused in {task}"),
    "queue": ReasonWords("waiting for a worker", "a longer wait for a worker", "a shorter wait for a worker"),
    "waited": ReasonWords(
        "waiting for the provider's rate or for money in flight",
        "a longer wait for the provider in {task}",
        "a shorter wait for the provider in {task}",
    ),
    "person": ReasonWords(
        "waiting for a person", "a longer wait for a person in {task}", "a shorter wait for a person in {task}"
    ),
    "paused": ReasonWords("set aside", "set aside for longer", "set aside for less long"),
    "own": ReasonWords("our own work", "more of our own work in {task}", "less of our own work in {task}"),
    "order": ReasonWords("order: tasks at once, and time between them", "less done at once", "more done at once"),
}
"""By what a ``Reason`` says."""
ALL_ELSE = "all else"


def reason_title(reason: Reason) -> str:
    """As a table has it."""
    if reason.what == "model":
        return f"{reason.model} instead of {reason.model_before}"
    return REASONS[reason.what].title


def phrase(reason: Reason, amount: int, task: str) -> str:
    """As a sentence has it. ``task``: its name."""
    words = REASONS[reason.what]
    text = words.more if amount > 0 else words.less
    return text.format(task=task, model=reason.model or "the model", before=reason.model_before)


def task_name(key: str, names: Mapping[str, str]) -> str:
    return "the crew" if key == CREW else names.get(key) or key


def money(nusd: int) -> str:
    """Without its sign: four decimals from a cent on, six below, nine where those would be 0."""
    amount = abs(nusd)
    if not amount:
        return "$0"
    digits = 4 if amount >= CENT_NUSD else 6 if amount >= MICRO_NUSD else 9
    return f"${to_usd(amount):,.{digits}f}"


def seconds(ms: int) -> str:
    """Without its sign."""
    amount = abs(ms)
    if amount < 1000:
        return f"{amount} ms"
    if amount < 99_950:
        return f"{amount / 1000:.1f} s"
    minutes, rest = divmod(round(amount / 1000), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def number(value: Fraction | int) -> str:
    """Whole, or with one decimal where it is a mean that is not, or with two below ten."""
    exact = Fraction(value)
    if exact.denominator == 1:
        return f"{abs(exact.numerator):,}"
    return f"{abs(float(exact)):,.{2 if abs(exact) < 10 else 0}f}"


def signed(text: str, amount: Fraction | int) -> str:
    return f"{MINUS if amount < 0 else '+' if amount > 0 else ''}{text}"


def percent(change: Fraction | int, of: Fraction | int) -> str:
    """ "−61 %"; "" where there is nothing to compare with."""
    if not of or not change:
        return ""
    share = 100 * Fraction(change) / Fraction(of)
    text = f"{abs(float(share)):,.0f}" if abs(share) >= 10 else f"{abs(float(share)):.1f}"
    return signed(f"{text} %", change)


_OF_PERIOD = re.compile(r"((?:(?:crew|version|model):\S+ )*)simulated:(?:yes|no) since:(\S+)Z until:(\S+)Z")
_FIELD = re.compile(r"(?:crew|model):=?")


def filter_label(text: str) -> str:
    """A filter as the head of its figures: "1 Oct to 31 Oct, support" of those that the first page's links have, which
    look alike up to their end; any other as it was typed."""
    found = _OF_PERIOD.fullmatch(text)
    if found is None:
        return text
    what, *bounds = found.groups()
    try:
        since, until = map(datetime.fromisoformat, bounds)
    except ValueError:
        return text
    last = until - timedelta(days=until.time() == time())  # of whole days the last one is named
    named = " ".join(_FIELD.sub("", what).replace("version:", "v").split())
    return f"{_moment(since)} to {_moment(last)}{', ' if named else ''}{named}"


def _moment(at: datetime) -> str:
    return f"{at:%-d %b}" if at.time() == time() else f"{at:%-d %b %H:%M}"
