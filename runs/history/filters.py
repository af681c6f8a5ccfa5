"""The typed filter of runs: ``crew:support status:failed cost:>0.10 duration:>30s model:gpt-4o since:7d simulated:no``.
``crew:=support`` and ``model:=gpt-4o`` are the whole name; ``since:`` and ``until:`` take days and moments too.

Plain words are looked for in crew names, run ids and errors. A word that cannot be understood is refused.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from runs.models import Call, Run
from runs.money import to_nusd
from runs.ratings.filter import rating_condition
from runs.states import RunState
from runs.typed_values import uuid_or_none, whole_number_or_none
from teams.refusals import Invalid

COMPARED = re.compile(r"^(>=|<=|>|<|=|)(.+)$")
SPAN = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
LOOKUP = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "exact", "": "gte"}
UNPLAIN = re.compile(r"\s")
MAX_CHARS = 500
MAX_WORDS = 20
MAX_SPAN_S = 3_153_600_000.0


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A parsed filter."""

    text: str = ""  # as it was typed
    conditions: tuple[Q, ...] = ()  # all of them hold
    chosen: tuple[tuple[str, str], ...] = ()  # (field, value), as typed

    @classmethod
    def parse(cls, text: str) -> RunFilter:
        """Raises ``Invalid`` at the field ``q`` for what cannot be understood."""
        text = text.strip()
        if len(text) > MAX_CHARS:
            raise _refusal(f"The filter is longer than {MAX_CHARS} characters.")
        try:
            words = _words(text)
        except ValueError:
            raise _refusal("A quotation mark is not closed.") from None
        if len(words) > MAX_WORDS:
            raise _refusal(f"The filter has more than {MAX_WORDS} words. Leave some out.")
        conditions, chosen = [], []
        for word in words:
            name, colon, value = word.partition(":")
            if colon and name.lower() in FIELDS and value:
                conditions.append(FIELDS[name.lower()](value))
                chosen.append((name.lower(), value))
            elif colon and name.isalpha():
                known = ", ".join(f"{field}:" for field in sorted(FIELDS))
                raise _refusal(f"{word!r} is not understood. Known are {known} and plain words.")
            else:
                conditions.append(_free_text(word))
        return cls(text, tuple(conditions), tuple(chosen))

    def narrowed(self, choices: Mapping[str, str]) -> str:
        """The text with these fields set to these values, or left out where a value is empty."""
        words = [word for word in _words(self.text) if word.partition(":")[0].lower() not in choices]
        words += [f"{name}:{value}" for name, value in choices.items() if value]
        return " ".join(_quoted(word) for word in words)

    def apply(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        for condition in self.conditions:
            runs = runs.filter(condition)
        return runs

    def value(self, name: str) -> str:
        """What was typed for a field, "" if nothing was."""
        return dict(self.chosen).get(name, "")


def _crew(value: str) -> Q:
    if value.startswith("="):
        return Q(crew__slug=value[1:])
    return Q(crew__slug__icontains=value) | Q(crew__name__icontains=value)


def _status(value: str) -> Q:
    states = value.lower().split(",")
    if unknown := [state for state in states if state not in RunState.values]:
        raise _refusal(f"There is no status {unknown[0]!r}. There are {', '.join(RunState.values)}.")
    return Q(state__in=states)


def _cost(value: str) -> Q:
    sign, number = _compared(value)
    try:
        usd = Decimal(number.lstrip("$"))
    except InvalidOperation:
        raise _refusal(f"cost:{value} is not an amount. Write cost:>0.10.") from None
    if not usd.is_finite() or abs(usd) > 1_000_000:
        raise _refusal(f"cost:{value} is out of range.")
    return Q(**{f"spent_nusd__{LOOKUP[sign]}": to_nusd(usd)})


def _duration(value: str) -> Q:
    sign, number = _compared(value)
    took = timedelta(seconds=_span_s(number, "duration:>30s"))
    return Q(finished_at__isnull=False) & Q(**{f"finished_at__{LOOKUP[sign]}": F("started_at") + took})


def _since(value: str) -> Q:
    return Q(created_at__gte=_moment(value, "since:2026-11-30"))


def _until(value: str) -> Q:
    return Q(created_at__lt=_moment(value, "until:2026-11-30"))


def _moment(value: str, example: str) -> datetime:
    """A day, which begins at midnight, or a moment of it, in UTC unless it says otherwise; or a time span back from
    now.
    """
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        return timezone.now() - timedelta(seconds=_span_s(value, f"{example}, or 7d"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _model(value: str) -> Q:
    named = {"model": value[1:]} if value.startswith("=") else {"model__icontains": value}
    return Q(Exists(Call.objects.filter(run=OuterRef("pk"), **named)))


def _simulated(value: str) -> Q:
    if value.lower() not in ("yes", "no"):
        raise _refusal("Write simulated:yes or simulated:no.")
    return Q(simulated=value.lower() == "yes")


def _tokens(value: str) -> Q:
    sign, number = _compared(value)
    tokens = whole_number_or_none(number, max_digits=15)
    if tokens is None:
        raise _refusal(f"tokens:{value} is not a number. Write tokens:>5000.")
    if LOOKUP[sign] == "exact":
        return Q(prompt_tokens=tokens - F("completion_tokens"))
    least = tokens + {"gt": 1, "lte": 1}.get(LOOKUP[sign], 0)
    at_least = Q(prompt_tokens__gte=least - F("completion_tokens"))
    return ~at_least if sign.startswith("<") else at_least


def _version(value: str) -> Q:
    number = whole_number_or_none(value, max_digits=9)
    if number is None:
        raise _refusal(f"version:{value} is not a number.")
    return Q(version__number=number)


FIELDS: dict[str, Callable[[str], Q]] = {
    "crew": _crew,
    "status": _status,
    "cost": _cost,
    "duration": _duration,
    "since": _since,
    "until": _until,
    "model": _model,
    "simulated": _simulated,
    "tokens": _tokens,
    "version": _version,
    "rating": rating_condition,
}


def _quoted(word: str) -> str:
    return f'"{word}"' if UNPLAIN.search(word) else word


def _words(text: str) -> list[str]:
    """The words between blanks. Double quotes keep a word with blanks together; nothing else is special."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape, lexer.quotes = True, "", "", '"'
    return list(lexer)


def _free_text(word: str) -> Q:
    named = Q(crew__name__icontains=word) | Q(error__icontains=word)
    run_id = uuid_or_none(word)
    return named if run_id is None else named | Q(pk=run_id)


def _compared(value: str) -> tuple[str, str]:
    match = COMPARED.match(value)
    assert match is not None  # the value is not empty
    return match[1], match[2]


def _span_s(text: str, example: str) -> float:
    match = SPAN.match(text.lower())
    seconds = float(match[1]) * SECONDS[match[2]] if match else None
    if seconds is None or seconds > MAX_SPAN_S:
        raise _refusal(f"{text!r} is not a time span. Write {example}.")
    return seconds


def _refusal(message: str) -> Invalid:
    return Invalid(message, fields={"q": message})
