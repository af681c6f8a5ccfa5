"""What a bill's address asks for: which money, how it is divided, what it is narrowed to, and whom it is charged to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from runs.bill_sums.dimensions import is_dimension
from runs.bills.charges import WEIGHS
from runs.bills.values import checked_dimensions
from runs.real_or_simulated import MONEY, money_of
from teams.refusals import Invalid

BY, AND, OVER, SHARED, WEIGH = "by", "and", "over", "shared", "weigh"
USUAL = ("crew", "model")
MOST_NARROWINGS = 10
NO_VALUE = "none"
"""What is shared by default: what belongs to nobody in particular."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``by``: one dimension, or two for a pivot. ``over``: whom the cost is charged to, "" for nobody; ``shared``: a
    crew's address, or ``NO_VALUE``."""

    by: tuple[str, ...] = USUAL
    only: Mapping[str, str] = field(default_factory=dict)
    money: str = ""  # REAL, SIMULATED or "": not said
    over: str = ""
    shared: str = NO_VALUE
    weigh: str = "cost"

    def query(self, **more: str) -> str:
        """The part of an address that asks for this, with something else in some places; "" leaves them out."""
        own = {BY: self.by[0], AND: self.by[1] if len(self.by) > 1 else "", MONEY: self.money}
        charged = {OVER: self.over, SHARED: self.shared, WEIGH: self.weigh} if self.over else {}
        kept = {name: value for name, value in (own | charged | more).items() if value}
        return urlencode(kept | dict(self.only))

    def calls_query(self) -> str:
        """The part of the address of the calls behind this that says which they are."""
        return urlencode({MONEY: self.money, **self.only} if self.money else dict(self.only))

    def narrowed(self, name: str, code: str) -> Asked:
        return replace(self, only={**self.only, name: code})

    def without(self, name: str) -> Asked:
        return replace(self, only={key: code for key, code in self.only.items() if key != name})


def asked(query: Mapping[str, str]) -> Asked:
    """``Invalid`` for what a bill cannot be asked."""
    by = checked_dimensions((query.get(BY) or USUAL[0], query.get(AND, USUAL[1] if BY not in query else "")), field=BY)
    over = query.get(OVER, "")
    checked_dimensions((over,), field=OVER, parts=False)
    weigh = query.get(WEIGH) or "cost"
    if weigh not in WEIGHS:
        raise Invalid("What is shared is divided by cost, calls or equal.", fields={WEIGH: "Give one of these."})
    return Asked(by, only_of(query), money_of(query), over, query.get(SHARED) or NO_VALUE, weigh)


def only_of(query: Mapping[str, str]) -> dict[str, str]:
    """What the lines are narrowed to: the dimensions that the address names. ``Invalid`` for more than
    ``MOST_NARROWINGS``."""
    only = {name: query[name] for name in query if is_dimension(name)}
    if len(only) > MOST_NARROWINGS:
        raise Invalid(
            f"Narrow it by {MOST_NARROWINGS} dimensions at most, not by {len(only)}.",
            fields=dict.fromkeys(list(only)[MOST_NARROWINGS:][:MOST_NARROWINGS], "One too many."),
        )
    return only
