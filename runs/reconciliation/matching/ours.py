"""What the ledger has of the days that a provider's export is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class OurCell:
    """Sums over the settled real model calls of one day in UTC, by their start, that agree in the first four.

    ``answered``: the model that the provider said had answered. Tokens of the prompt include cached ones.
    ``fees_nusd``: of the cost, what no price of tokens explains. ``unknown``: calls booked at their worst case.
    ``corrected_nusd``: what exact figures that came later added to what had been booked. ``crossing``: calls that ended
    on a later day, as far as that is known.
    """

    day: str
    model: str
    answered: str
    credential: str
    calls: int = 0
    prompt: int = 0
    cached: int = 0
    cache_write: int = 0
    completion: int = 0
    nusd: int = 0
    fees_nusd: int = 0
    unpriced: int = 0
    estimated: int = 0
    unknown: int = 0
    unknown_nusd: int = 0
    corrected: int = 0
    corrected_nusd: int = 0
    crossing: int = 0
    crossing_tokens: int = 0
    crossing_nusd: int = 0


SUMMED = tuple(field.name for field in fields(OurCell))[4:]


@dataclass(frozen=True, slots=True)
class Ours:
    """``own_servers``: the keys, as calls name them, that lead to a server of the team's own. ``read_on``: a day."""

    cells: Sequence[OurCell]
    own_servers: Sequence[str]
    read_on: str

    def to_json(self) -> dict[str, Any]:
        cells = [list(astuple(cell)) for cell in self.cells]
        return {"cells": cells, "own_servers": list(self.own_servers), "read_on": self.read_on}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ours:
        return cls([OurCell(*cell) for cell in data["cells"]], data["own_servers"], data["read_on"])
