"""What was paid in a run and gave nothing, by reason. The sum is what the first page counts as waste of this run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runs.states import RunWaste, waste_of


class ClassSums(Protocol):
    """Sums over the settled calls of one cost class."""

    @property
    def key(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def spent_nusd(self) -> int: ...
    @property
    def unpriced_calls(self) -> int: ...


@dataclass(frozen=True, slots=True)
class WasteRow:
    """One reason of ``states.waste_of``. The money lacks the calls of unknown price."""

    reason: str
    calls: int
    spent_nusd: int
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class Waste:
    rows: Sequence[WasteRow]  # the dearest first, then those that cost nothing

    @property
    def calls(self) -> int:
        return sum(row.calls for row in self.rows)

    @property
    def spent_nusd(self) -> int:
        return sum(row.spent_nusd for row in self.rows)

    @property
    def unpriced_calls(self) -> int:
        return sum(row.unpriced_calls for row in self.rows)


def waste_in(classes: Iterable[ClassSums], state: str) -> Waste:
    """``state``: the run's."""
    found: dict[str, WasteRow] = {}
    for sums in classes:
        if reason := waste_of(sums.key, state):
            row = found.get(reason, WasteRow(reason, 0, 0, 0))
            found[reason] = WasteRow(
                reason,
                row.calls + sums.calls,
                row.spent_nusd + sums.spent_nusd,
                row.unpriced_calls + sums.unpriced_calls,
            )
    return Waste(sorted(found.values(), key=lambda row: (-row.spent_nusd, row.reason in RunWaste.values, row.reason)))
