"""What the head of a closed bill says of its lines: sums by each dimension, positions and what was wasted.

Sums by label are the database's (``details.label_sums``): a program may give each of its runs labels of its own.
"""

from __future__ import annotations

import json
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from runs.closing.lines import AMOUNTS, COUNTER_LINE, COUNTS, GONE, TOKENS, in_usd
from runs.money import to_nusd, usd_text
from runs.states import WASTED, waste_of

OTHERS = "others"
MOST_VALUES = 1_000
"""Of a dimension, and positions: so many are frozen, the dearest, and those beyond as one sum. The lines have all."""

DIMENSIONS: Mapping[str, Callable[[Any], str | None]] = {
    "crew": lambda line: f"{line['crew']} ({line['crew_slug']})",
    "version": lambda line: f"{line['crew_slug']}@{line['version']}",
    "agent": lambda line: f"{line['crew_slug']}/{line['agent']}" if line["agent"] else None,
    "model": lambda line: line["model"],
    "provider_key": lambda line: line["provider_key"],
    "person": lambda line: _person(line["person"], line["person_email"]),
    "api_token": lambda line: line["api_token"],
    "batch": lambda line: f"{line['batch']} ({line['batch_id']})" if line["batch_id"] else None,
    "day": lambda line: line["day"],
    "cost_class": lambda line: line["cost_class"],
    "waste": lambda line: waste_of(line["cost_class"], line["run_state"]) or None,
}
DEFINITIONS: Mapping[str, str] = {
    "month": "A call counts in the month, in UTC, in which it was opened, and on the day on which it was opened.",
    "known_cost_usd": "The sum of the calls and counter-lines whose cost is known. cost_usd is null where some call or "
    "counter-line has no known cost.",
    "counter-line": "The difference that a figure made which came after the bill of its call had been closed. It has "
    "the names of its call, and the day on which the figure came.",
    "by": "Sums of calls and counter-lines by one dimension: each of these tables sums to total_usd.",
    "positions": "Sums of the calls by crew and model; they sum to calls_usd.",
    "others": f'A row with "values" is what so many further values sum to: the {MOST_VALUES:,} dearest have rows.',
    "name": "Null: there is none, as for the agent of a call of the crew as a whole or the model of a tool call.",
    "crew": "The crew that was run, by its name and its address at the time of closing.",
    "version": "The frozen version of the crew that was run.",
    "agent": "The agent that asked, by its key in the version.",
    "model": "The model as the agent names it.",
    "provider_key": "The provider key that the call was made with.",
    "person": "Who launched the run, by name and address at the time of closing. An account that had been removed by "
    f'then is "{GONE}".',
    "api_token": "The token that the run was launched with; null: on a page.",
    "batch": "The batch that the run was a row of, by its name and id; null: of none.",
    "label": "A label of the launch; null: the run was launched without it.",
    "day": "The day, in UTC, on which the call was opened, or a counter-line came.",
    "cost_class": "What a call's cost was for. Each call has one class, so the classes sum to all calls.",
    "run_state": "How the run had ended at the time of closing: what a failed or cancelled one cost is waste.",
    "waste": "Why money was spent in vain: the wasted classes, and all other calls of failed and of cancelled runs. "
    "Null: not wasted.",
    "wasted classes": ", ".join(WASTED),
    "parts": "What a cost is made of: tokens of each kind at their price, fees, and what a provider stated beyond our "
    "price. whole_usd is what was booked without parts. Those of a line sum to known_cost_usd, those of the bill to "
    "calls_usd.",
    "saved_usd": "What reused results would have cost, as far as it is known.",
    "cache_saved_usd": "What tokens that a provider read from its cache would have cost as others.",
}


@dataclass(slots=True)
class Sum:
    """Of the lines that agree in something."""

    calls: int = 0
    unpriced_calls: int = 0
    counter_lines: int = 0
    nusd: int = 0
    unknown: int = 0  # lines whose cost is not known in full

    def add(self, line: Mapping[str, Any], nusd: int) -> None:
        if line["kind"] == COUNTER_LINE:
            self.counter_lines += 1
        else:
            self.calls += line["calls"]
            self.unpriced_calls += line["unpriced_calls"]
        self.nusd += nusd
        self.unknown += line["cost_usd"] is None

    def __add__(self, other: Sum) -> Sum:
        return Sum(*map(operator.add, _values(self), _values(other)))

    def __sub__(self, other: Sum) -> Sum:
        return Sum(*map(operator.sub, _values(self), _values(other)))

    def shown(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "unpriced_calls": self.unpriced_calls,
            "counter_lines": self.counter_lines,
            "cost_usd": None if self.unknown else usd_text(self.nusd),
            "known_cost_usd": usd_text(self.nusd),
        }


_values = operator.attrgetter("calls", "unpriced_calls", "counter_lines", "nusd", "unknown")


@dataclass(slots=True)
class Position:
    """Of the calls of a crew that asked a model."""

    sum: Sum = field(default_factory=Sum)
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKENS, 0))

    def add(self, line: Mapping[str, Any], nusd: int) -> None:
        self.sum.add(line, nusd)
        for name in TOKENS:
            self.tokens[name] += line[name]

    def __add__(self, other: Position) -> Position:
        return Position(self.sum + other.sum, {name: self.tokens[name] + other.tokens[name] for name in TOKENS})


class Sums:
    """All that is summed of the lines but labels, in one pass over them."""

    def __init__(self) -> None:
        self.total = Sum()
        self.calls = Position()
        self.counts = dict.fromkeys(COUNTS, 0)
        self.amounts = dict.fromkeys(AMOUNTS, 0)
        self._by: dict[str, dict[str | None, Sum]] = {name: defaultdict(Sum) for name in DIMENSIONS}
        self._positions: dict[tuple[str | None, str | None], Position] = defaultdict(Position)

    def add(self, text: str, nusd: int) -> None:
        line = json.loads(text)
        self.total.add(line, nusd)
        for name, key_of in DIMENSIONS.items():
            self._by[name][key_of(line)].add(line, nusd)
        if line["kind"] == COUNTER_LINE:
            return
        self.calls.add(line, nusd)
        for name in COUNTS:
            self.counts[name] += line[name]
        for name in AMOUNTS:
            self.amounts[name] += to_nusd(Decimal(line[in_usd(name)]))
        self._positions[DIMENSIONS["crew"](line), DIMENSIONS["model"](line)].add(line, nusd)

    def by(self) -> dict[str, list[dict[str, Any]]]:
        """Each dimension's sums, the dearest first, days in their order. All have the bill's total."""
        found = {name: dearest_first(*_bounded(sums)) for name, sums in self._by.items()}
        found["day"].sort(key=lambda row: row["name"])
        return found

    def positions(self) -> list[dict[str, Any]]:
        """By crew and model: what an invoice lists. They sum to the calls."""
        dearest = sorted(self._positions.items(), key=lambda item: -item[1].sum.nusd)
        ordered = sorted(dearest[:MOST_VALUES], key=lambda item: [name or "" for name in item[0]])
        rows = [{"crew": crew, "model": model, **one.tokens, **one.sum.shown()} for (crew, model), one in ordered]
        if rest := [one for _, one in dearest[MOST_VALUES:]]:
            others = sum(rest, Position())
            rows.append({"crew": OTHERS, "model": OTHERS, "values": len(rest), **others.tokens, **others.sum.shown()})
        return rows

    def waste(self) -> dict[str, Sum]:
        """What was spent in vain, by reason."""
        return {reason: one for reason, one in self._by["waste"].items() if reason}


def dearest_first(
    sums: Iterable[tuple[str | None, Sum]], values: int = 0, others: Sum | None = None
) -> list[dict[str, Any]]:
    """Rows by name, the dearest first. ``others``: what ``values`` further values sum to, at the end."""
    ordered = sorted(sums, key=lambda item: (-item[1].nusd, item[0] or ""))
    rows = [{"name": name, **one.shown()} for name, one in ordered]
    return rows if others is None else [*rows, {"name": OTHERS, "values": values, **others.shown()}]


def _bounded(sums: Mapping[str | None, Sum]) -> tuple[list[tuple[str | None, Sum]], int, Sum | None]:
    """What ``dearest_first`` takes: the dearest, and what is beyond them."""
    ordered = sorted(sums.items(), key=lambda item: -item[1].nusd)
    rest = [one for _, one in ordered[MOST_VALUES:]]
    return ordered[:MOST_VALUES], len(rest), sum(rest, Sum()) if rest else None


def _person(name: str | None, email: str | None) -> str | None:
    return name if name is None or email in (None, name) else f"{name} <{email}>"
