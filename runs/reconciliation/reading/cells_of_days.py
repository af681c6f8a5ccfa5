"""Sums what files of one provider say by day, model and key, in whole 1e-9 USD that sum to the exact total."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from math import floor
from typing import Any

from runs.money import NUSD_PER_USD, to_nusd
from runs.reconciliation.reading import anthropic, openai
from runs.reconciliation.reading.lines import Line, Statement, Unreadable
from runs.rounding import whole_numbers

MOST_CELLS = 8_000
MOST_DAYS = 400
COUNTS = ("prompt", "cached", "cache_write", "completion", "requests")
COSTS = (openai.COSTS, anthropic.COSTS)

Key = tuple[str, str, str, str, bool]
"""Day, model, key, item, whether it was asked in a batch."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Sums over lines of a file that agree in the first five. ``nusd`` is None if the files tell no cost."""

    day: str
    model: str
    key: str
    item: str
    in_batch: bool
    prompt: int
    cached: int
    cache_write: int
    completion: int
    requests: int
    nusd: int | None
    lines: int


@dataclass(frozen=True, slots=True)
class Theirs:
    """What a provider says of some days. ``tells``: of model, key, tokens and cost what all files tell.

    ``rounded_nusd``: what each line's amount is rounded to. ``left_out``: what was not understood, and how often.
    """

    formats: Sequence[str]
    provider: str
    since: str
    until: str
    tells: Sequence[str]
    rounded_nusd: int
    cells: Sequence[Cell]
    left_out: Sequence[tuple[str, int]]

    def to_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"cells": [list(astuple(cell)) for cell in self.cells]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Theirs:
        cells = [Cell(*cell) for cell in data["cells"]]
        return cls(**(data | {"cells": cells, "left_out": [tuple(one) for one in data["left_out"]]}))


def summed(statements: Sequence[Statement]) -> Theirs:
    """Raises ``Unreadable`` if the files do not belong together, or tell too much or nothing."""
    _look_at(statements)
    tokens_from = _tokens_from(statements)
    tells = _tells(statements, tokens_from)
    tells_batches = all(statement.tells_batches for statement in statements)
    sums: dict[Key, list[int]] = {}
    usd: dict[Key, Fraction] = {}
    for statement in statements:
        counts = statement in tokens_from
        for line in statement.lines:
            key = _key(line, tells, tells_batches=tells_batches)
            row = sums.setdefault(key, [0] * (len(COUNTS) + 1))
            for place, name in enumerate(COUNTS):
                row[place] += (getattr(line, name) or 0) if counts else 0
            row[-1] += line.usd is not None
            usd[key] = usd.get(key, Fraction(0)) + Fraction(line.usd or 0)
    if len(sums) > MOST_CELLS:
        raise Unreadable(f"It has more than {MOST_CELLS:,} figures by day, model and key. Export fewer days at once.")
    days = sorted({day for statement in statements for day in statement.days})
    if (days[-1] - days[0]).days >= MOST_DAYS:
        raise Unreadable(f"It goes from {days[0]} to {days[-1]}. Export at most {MOST_DAYS} days at once.")
    nusd = _whole_nusd(usd) if "cost" in tells else {}
    return Theirs(
        formats=[statement.format for statement in statements],
        provider=next((one.provider for one in statements if one.provider), ""),
        since=days[0].isoformat(),
        until=days[-1].isoformat(),
        tells=sorted(tells),
        rounded_nusd=max(to_nusd(statement.rounded_to) for statement in statements),
        cells=[_cell(key, sums[key], nusd.get(key)) for key in sorted(sums)],
        left_out=_left_out(statements, tells_batches=tells_batches),
    )


def _cell(key: Key, sums: Sequence[int], nusd: int | None) -> Cell:
    prompt, cached, cache_write, completion, requests, lines = sums
    return Cell(*key, prompt, cached, cache_write, completion, requests, nusd, lines)


def _look_at(statements: Sequence[Statement]) -> None:
    if len({statement.provider for statement in statements}) > 1:
        raise Unreadable("The files are of different providers. Send those of one provider at once.")
    if not any(statement.lines for statement in statements):
        raise Unreadable("Nothing was used or paid on its days. Choose other days, and export again.")
    for nth, statement in enumerate(statements):
        for other in statements[:nth]:
            if other.format == statement.format and _repeats(statement, other):
                raise Unreadable("Two of the files say the same thing, which would count twice. Leave one out.")


def _repeats(one: Statement, other: Statement) -> bool:
    """Whether half of what one says is said by the other too: some lines may be equal, as those of two minutes."""
    ours, others = ({astuple(line)[1:] for line in statement.lines} for statement in (one, other))
    return bool(ours and others) and 2 * len(ours & others) >= min(len(ours), len(others))


def _tokens_from(statements: Sequence[Statement]) -> list[Statement]:
    """The files whose counts are taken: usage exports, else cost exports if they count all that costs."""
    usage = [one for one in statements if one.format not in COSTS and any(map(_counts, one.lines))]
    if usage:
        return usage
    of_tokens = [line for one in statements for line in one.lines if not line.item]
    return list(statements) if of_tokens and all(map(_counts, of_tokens)) else []


def _counts(line: Line) -> bool:
    return line.prompt is not None or line.completion is not None


def _tells(statements: Sequence[Statement], tokens_from: Sequence[Statement]) -> set[str]:
    """What one of the files does not tell cannot be compared by."""
    filled = [statement for statement in statements if statement.lines]
    tells = {
        name
        for name in ("model", "key")
        if all(any(getattr(line, name) for line in statement.lines) for statement in filled)
    }
    if tokens_from:
        tells.add("tokens")
    if any(line.usd is not None for statement in filled for line in statement.lines):
        tells.add("cost")
    return tells


def _key(line: Line, tells: set[str], *, tells_batches: bool) -> Key:
    model, key = (getattr(line, name) if name in tells else "" for name in ("model", "key"))
    return line.day.isoformat(), model if not line.item else "", key, line.item, line.in_batch and tells_batches


def _whole_nusd(usd: dict[Key, Fraction]) -> dict[Key, int]:
    exact = {key: amount * NUSD_PER_USD for key, amount in usd.items()}
    return whole_numbers(exact, floor(sum(exact.values()) + Fraction(1, 2)))


def _left_out(statements: Iterable[Statement], *, tells_batches: bool) -> list[tuple[str, int]]:
    left_out = [(what, count) for statement in statements for what, count in statement.left_out.items()]
    in_batches = sum(line.in_batch for statement in statements for line in statement.lines)
    if in_batches and not tells_batches:
        left_out.append(("usage in batches, which the cost export does not tell apart", in_batches))
    return left_out
