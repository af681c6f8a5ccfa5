"""What a list of templates is narrowed to and how it is sorted, as its address says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from runs.money import to_nusd
from runs.typed_values import decimal_or_none, whole_number_or_none

ORDERS = {"title": "Title", "cost": "Cheapest first", "newest": "Newest first"}
MOST_USD = Decimal(1_000_000)
MAX_OFFSET_DIGITS = 6


@dataclass(frozen=True, slots=True)
class TemplatesAsked:
    """``most_nusd``: the median cost at most; None for any. ``wrong`` says in words what of the address is none."""

    search: str = ""
    tag: str = ""
    model: str = ""
    most_usd: str = ""  # as typed
    most_nusd: int | None = None
    order: str = "title"
    offset: int = 0
    wrong: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or self.tag or self.model or self.most_nusd is not None)

    @property
    def needs_costs(self) -> bool:
        """Whether the costs of all templates decide what is shown."""
        return self.most_nusd is not None or self.order == "cost"

    def at(self, offset: int) -> str:
        """The query of another page of the same list."""
        said = {"q": self.search, "tag": self.tag, "model": self.model, "cost": self.most_usd}
        said |= {"sort": self.order if self.order != "title" else "", "from": str(offset) if offset else ""}
        return urlencode({name: text for name, text in said.items() if text})


def asked(query: Mapping[str, str]) -> TemplatesAsked:
    most, order = query.get("cost", "").strip(), query.get("sort", "title")
    usd = decimal_or_none(most) if most else None
    wrong = ""
    if most and (usd is None or not 0 <= usd <= MOST_USD):
        usd, wrong = None, "The cost is an amount in dollars, such as 0.05."
    if order not in ORDERS:
        order = "title"
    return TemplatesAsked(
        search=query.get("q", "").strip(),
        tag=query.get("tag", "").strip().lower(),
        model=query.get("model", "").strip(),
        most_usd=most[:30],
        most_nusd=None if usd is None else to_nusd(usd),
        order=order,
        offset=whole_number_or_none(query.get("from", ""), max_digits=MAX_OFFSET_DIGITS) or 0,
        wrong=wrong,
    )
