"""What each customer or person is charged: their own cost, and their share of what is shared, to the cent.

Shares are exact fractions, rounded by largest remainder, so that the charges sum to the bill in whole cents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from runs.bill_sums.sums import Sums, added
from runs.bills.lines import Line, total_of
from runs.bills.values import Value
from runs.money import CENT_NUSD
from runs.rounding import whole_numbers

WEIGHS: Mapping[str, str] = {"cost": "what they cost themselves", "calls": "their calls", "equal": "equal parts"}
"""By what shared cost is divided."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Of one customer or person: in cents what is charged, in 1e-9 USD what of it is their own and their share. The
    cents are those of the exact share."""

    value: Value
    own_nusd: int
    share_nusd: int
    cents: int

    @property
    def rounding_nusd(self) -> int:
        """What the cents are more than own cost and share."""
        return self.cents * CENT_NUSD - self.own_nusd - self.share_nusd


@dataclass(frozen=True, slots=True)
class Charges:
    """All of a bill's. The rows' own cost, shares and cents sum to these."""

    rows: Sequence[Charge]
    own_nusd: int
    shared_nusd: int
    cents: int


def charges_of(lines: Sequence[Line], is_shared: Callable[[Line], bool], weigh: str) -> Charges:
    """``lines``: whose first value is the customer or person. What is shared is divided among those who have lines of
    their own; if nobody has, it is charged as it is.

    ``weigh``: one of ``WEIGHS``. If all weigh nothing the parts are equal.
    """
    own = [line for line in lines if not is_shared(line)]
    if not own:
        own = list(lines)
    own_ids = {id(line) for line in own}
    shared = total_of([line for line in lines if id(line) not in own_ids]).spent_nusd
    sums = added((line.values[0], line.sums) for line in own)
    weights = _weights(sums, weigh)
    whole_weight = sum(weights.values())
    spent = {value: one.spent_nusd for value, one in sums.items()}
    shares = {value: Fraction(shared * weight, whole_weight or 1) for value, weight in weights.items()}
    exact = {value: (spent[value] + shares[value]) / CENT_NUSD for value in weights}
    total = round(Fraction(sum(spent.values()) + shared, CENT_NUSD))
    cents = whole_numbers(exact, total)
    read = whole_numbers(shares, shared)
    rows = [Charge(value, spent[value], read[value], cents[value]) for value in weights]
    rows.sort(key=lambda row: (-row.cents, row.value.name))
    return Charges(rows, sum(spent.values()), shared, total)


def _weights(sums: Mapping[Value, Sums], weigh: str) -> dict[Value, int]:
    """Whoever got more back than they spent weighs nothing by cost."""
    weights = {value: {"cost": max(0, one.spent_nusd), "calls": one.calls}.get(weigh, 0) for value, one in sums.items()}
    return weights if any(weights.values()) else dict.fromkeys(weights, 1)
