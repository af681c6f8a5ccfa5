"""The answer on top, in words and figures: by how much a side is cheaper or faster, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.text import counted
from runs.compare.comparison import Against, Comparison
from runs.compare.words import ALL_ELSE, money, percent, phrase, seconds, signed, task_name
from runs.splits.cells import Part, Split
from runs.splits.interval import Difference

Written = Callable[[int], str]
NAMED = 3
"""Reasons that a sentence names; the rest is one sum."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """``better``: cheaper or faster; None where there is no difference, or none that can be told from noise."""

    head: str  # "$0.0310 cheaper (−61 %)"
    reasons: str  # "synthesis on gpt-4o-mini −$0.0240, all else −$0.0070"; may be ""
    certainty: str  # of groups: what the medians tell; else ""
    better: bool | None

    @property
    def text(self) -> str:
        told = f"{self.head}: {self.reasons}." if self.reasons else f"{self.head}."
        return f"{told} {self.certainty}".strip()


def of_cost(comparison: Comparison, one: Against) -> Sentence:
    split, interval = one.cost, one.cost_interval
    word = "cheaper" if split.difference < 0 else "dearer"
    head = (
        f"{money(split.difference)} {word}{_share(split)}"
        if split.difference
        else f"Costs the same, {money(split.other)}"
    )
    return _sentence(head, split, interval, money, comparison.names)


def of_time(comparison: Comparison, one: Against) -> Sentence | None:
    """None where a side has no time to compare."""
    if one.time is None:
        return None
    word = "faster" if one.time.difference < 0 else "slower"
    head = (
        f"{seconds(one.time.difference)} {word} from launch to end{_share(one.time)}"
        if one.time.difference
        else f"Takes as long, {seconds(one.time.other)}"
    )
    return _sentence(head, one.time, one.time_interval, seconds, comparison.names)


def _sentence(
    head: str, split: Split, interval: Difference | None, written: Written, names: Mapping[str, str]
) -> Sentence:
    told = interval is None or interval.is_clear
    better = split.difference < 0 if split.difference and told else None
    return Sentence(head, _reasons(split.parts, written, names), certainty(interval, written), better)


def _share(split: Split) -> str:
    share = percent(split.difference, split.baseline)
    return f" ({share})" if share else ""


def _reasons(parts: Sequence[Part], written: Written, names: Mapping[str, str]) -> str:
    shown = parts[:NAMED] if len(parts) > NAMED + 1 else parts
    told = []
    for part in shown:
        words = phrase(part.reason, part.amount, task_name(part.reason.task, names))
        told.append(f"{words} {signed(written(part.amount), part.amount)}")
    if rest := sum(part.amount for part in parts[len(shown) :]):
        told.append(f"{ALL_ELSE} {signed(written(rest), rest)}")
    return ", ".join(told)


def certainty(interval: Difference | None, written: Written) -> str:
    """What can be told of the difference of the medians."""
    if interval is None:
        return ""
    if interval.low is None or interval.high is None:
        return "Too few runs to tell whether that is more than chance: six of each are the least."
    span = f"{signed(written(interval.low), interval.low)} to {signed(written(interval.high), interval.high)}"
    if interval.is_clear:
        return f"The medians differ by {span} (95 % interval)."
    more = f"; about {counted(interval.more, 'more run')} of each would settle it" if interval.more else ""
    return f"The medians differ by {span} (95 % interval), which may be chance{more}."
