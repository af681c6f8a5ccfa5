"""What the head of a closed bill says of its lines: sums by each dimension, positions, classes and what was wasted."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runs.closing.lines import AMOUNTS, COUNTS, TOKENS, in_usd
from runs.money import usd_text
from runs.states import WASTED

LABEL = "label "
MOST_LABELS = 20
"""Labels by which sums are frozen, the dearest first; the lines have them all."""

DIMENSIONS: Mapping[str, Callable[[Any], str | None]] = {
    "crew": lambda line: f"{line['crew']} ({line['crew_slug']})",
    "version": lambda line: f"{line['crew_slug']}@{line['version']}",
    "agent": lambda line: f"{line['crew_slug']}/{line['agent']}" if line["agent"] else None,
    "model": lambda line: line["model"],
    "provider_key": lambda line: line["provider_key"],
    "person": lambda line: _person(line["person"], line["person_email"]),
    "api_token": lambda line: line["api_token"],
    "day": lambda line: line["day"],
    "cost_class": lambda line: line["cost_class"],
}
DEFINITIONS: Mapping[str, str] = {
    "month": "A call counts in the month, in UTC, in which it was opened, and on the day on which it was opened.",
    "known_cost_usd": "The sum of the calls whose price is known. cost_usd is null where some call has no known price.",
    "counter-line": "The difference that a figure made which came after the bill of its call had been closed.",
    "name": "Null: there is none, as for the agent of a call of the crew as a whole or the model of a tool call.",
    "crew": "The crew that was run, by its name and its address at the time of closing.",
    "version": "The frozen version of the crew that was run.",
    "agent": "The agent that asked, by its key in the version.",
    "model": "The model as the agent names it.",
    "provider_key": "The provider key that the call was made with.",
    "person": "Who launched the run, by name and address at the time of closing.",
    "api_token": "The token that the run was launched with; null: on a page.",
    "label": "A label of the launch; null: the run was launched without it. Each label sums to all calls.",
    "day": "The day, in UTC, on which the call was opened.",
    "cost_class": "What a call's cost was for. Each call has one class, so the classes sum to all calls.",
    "run_state": "How the run had ended at the time of closing: what a failed or cancelled one cost is waste.",
    "wasted classes": ", ".join(WASTED),
    "parts": "What a cost is made of: tokens of each kind at their price, fees, and what a provider stated beyond our "
    "price. whole_usd is what was booked without parts. They sum to known_cost_usd.",
    "saved_usd": "What reused results would have cost, as far as it is known.",
    "cache_saved_usd": "What tokens that a provider read from its cache would have cost as others.",
}


@dataclass(slots=True)
class Sum:
    """Of the lines that agree in something."""

    calls: int = 0
    unpriced_calls: int = 0
    nusd: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKENS, 0))

    def add(self, line: Mapping[str, Any], nusd: int) -> None:
        self.calls += line["calls"]
        self.unpriced_calls += line["unpriced_calls"]
        self.nusd += nusd
        for name in TOKENS:
            self.tokens[name] += line[name]

    def shown(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "unpriced_calls": self.unpriced_calls,
            "cost_usd": None if self.unpriced_calls else usd_text(self.nusd),
            "known_cost_usd": usd_text(self.nusd),
        }


class Sums:
    """All that is summed of the lines of calls, in one pass over them."""

    def __init__(self) -> None:
        self.total = Sum()
        self.counts = dict.fromkeys(COUNTS, 0)
        self.amounts = dict.fromkeys(AMOUNTS, 0)
        self.counter_nusd = 0
        self.counter_lines = 0
        self._by: dict[str, dict[str | None, Sum]] = {name: defaultdict(Sum) for name in DIMENSIONS}
        self._labels: dict[str, dict[str | None, Sum]] = defaultdict(lambda: defaultdict(Sum))
        self._positions: dict[tuple[str | None, str | None], Sum] = defaultdict(Sum)

    def add(self, text: str, nusd: int, *, is_counter_line: bool) -> None:
        if is_counter_line:
            self.counter_nusd += nusd
            self.counter_lines += 1
            return
        line = json.loads(text)
        self.total.add(line, nusd)
        for name in COUNTS:
            self.counts[name] += line[name]
        for name in AMOUNTS:
            self.amounts[name] += to_nusd_exactly(line[in_usd(name)])
        for name, key_of in DIMENSIONS.items():
            self._by[name][key_of(line)].add(line, nusd)
        for label, value in line["labels"].items():
            self._labels[label][_text(value)].add(line, nusd)
        self._positions[DIMENSIONS["crew"](line), DIMENSIONS["model"](line)].add(line, nusd)

    def by(self) -> dict[str, list[dict[str, Any]]]:
        """Each dimension's sums, the dearest first, days in their order. All have the same total."""
        found = {name: _listed(sums, in_order=name == "day") for name, sums in self._by.items()}
        dearest = sorted(self._labels, key=lambda label: (-sum(s.nusd for s in self._labels[label].values()), label))
        for label in dearest[:MOST_LABELS]:
            found[f"{LABEL}{label}"] = _listed(self._with_rest(self._labels[label]))
        return found

    def positions(self) -> list[dict[str, Any]]:
        """By crew and model: what an invoice lists."""
        ordered = sorted(self._positions.items(), key=lambda item: [name or "" for name in item[0]])
        return [{"crew": crew, "model": model, **one.tokens, **one.shown()} for (crew, model), one in ordered]

    def of_class(self, name: str) -> Sum:
        """What the calls of a cost class sum to."""
        return self._by["cost_class"].get(name, Sum())

    def _with_rest(self, sums: Mapping[str | None, Sum]) -> dict[str | None, Sum]:
        """With what was launched without the label, so that all is in it."""
        rest = Sum(
            calls=self.total.calls - sum(one.calls for one in sums.values()),
            unpriced_calls=self.total.unpriced_calls - sum(one.unpriced_calls for one in sums.values()),
            nusd=self.total.nusd - sum(one.nusd for one in sums.values()),
        )
        return {**sums, None: rest} if rest.calls else dict(sums)


def to_nusd_exactly(usd: str) -> int:
    """A decimal text in USD that has at most nine decimals, in 1e-9 USD."""
    whole, _, rest = usd.partition(".")
    negative = whole.startswith("-")
    nusd = abs(int(whole)) * 1_000_000_000 + int(rest.ljust(9, "0") or 0)
    return -nusd if negative else nusd


def _listed(sums: Mapping[str | None, Sum], *, in_order: bool = False) -> list[dict[str, Any]]:
    ordered = sorted(sums.items(), key=lambda item: (0 if in_order else -item[1].nusd, item[0] or ""))
    return [{"name": name, **one.shown()} for name, one in ordered]


def _person(name: str | None, email: str | None) -> str | None:
    return name if name is None or email in (None, name) else f"{name} <{email}>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
