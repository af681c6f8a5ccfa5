"""A bill's figures in sentences: what made the difference to the month before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.bills.values import Value
from runs.bills.why import GONE, MOVED, NEW, RUNS, BillPart, Why
from runs.compare.words import ALL_ELSE, phrase, reason_title

NAMED = 3
"""Reasons that the sentence names; the rest is one sum."""
_OWN = {
    RUNS: ("number of runs", "more runs of {crew}", "fewer runs of {crew}"),
    NEW: ("new", "new: {crew}", "new: {crew}"),
    GONE: ("not used any more", "without {crew}", "without {crew}"),
    MOVED: ("counter-lines", "more counter-lines", "less in counter-lines"),
}
"""Title in a table, and words in a sentence for more and for less."""


@dataclass(frozen=True, slots=True)
class Told:
    """One reason of the sentence."""

    words: str
    nusd: int


def title_of_part(part: BillPart) -> str:
    """As a table has it."""
    own = _OWN.get(part.reason.what)
    return own[0] if own else reason_title(part.reason)


def told(why: Why) -> list[Told]:
    """The reasons that a sentence names, those of a crew's agents together, and all else as one. They sum to the
    difference."""
    added: dict[tuple[Value, str, str], list[BillPart]] = {}
    for part in why.parts:
        added.setdefault((part.crew, part.reason.what, _told_apart(part)), []).append(part)
    groups = sorted(added.values(), key=lambda parts: -abs(_sum(parts)))
    shown = groups[:NAMED] if len(groups) > NAMED + 1 else groups
    found = [Told(_phrase(parts), _sum(parts)) for parts in shown if _sum(parts)]
    if rest := sum(map(_sum, groups[len(shown) :])):
        found.append(Told(ALL_ELSE, rest))
    return found


def _told_apart(part: BillPart) -> str:
    """Agents that were added, and models that took the place of others, are named each."""
    if part.reason.what in ("added", "removed"):
        return part.reason.task
    return part.reason.model if part.reason.what == "model" else ""


def _sum(parts: Sequence[BillPart]) -> int:
    return sum(part.nusd for part in parts)


def _phrase(parts: Sequence[BillPart]) -> str:
    first, amount = parts[0], _sum(parts)
    if own := _OWN.get(first.reason.what):
        return own[1 if amount > 0 else 2].format(crew=first.crew.name)
    of_agent = first.reason.what in ("added", "removed")
    task = f"{first.reason.task} in {first.crew.name}" if of_agent else first.crew.name
    return phrase(first.reason, amount, task)
