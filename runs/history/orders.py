"""The orders of the list of runs: one in each direction for each column that it is sorted by.

Newest and oldest follow the ids, figures a column that is -1 until a run has ended, and crew, state and person are
groups, within which the newest run comes first. Each has an index that leads to any page of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from runs.paging import in_one_stretch


@dataclass(frozen=True, slots=True)
class Order:
    """``key`` is a column as ``paging.page_of`` takes it, or the column that a group shares."""

    label: str
    key: str
    other: str  # the name of the opposite order
    is_grouped: bool = False
    ascending: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of a run's row that its cursors are made of, beside the id."""
        return () if self.is_grouped else (self.key.removeprefix("-"),)

    @property
    def is_one_stretch(self) -> bool:
        """Whether one statement, sorted by the key alone, gives the list from its beginning."""
        return not self.is_grouped and in_one_stretch(self.key.startswith("-"), self.last)

    @property
    def last(self) -> int | None:
        """As ``paging.page_of`` takes it: the figure of runs that stand at the end."""
        return None if self.key.endswith("pk") else UNENDED


@dataclass(frozen=True, slots=True)
class ColumnOrder:
    """What the head of a column offers."""

    sort: str  # the order that a click leads to
    label: str  # of that order
    aria: str  # "ascending" or "descending" while the list is sorted by this column, else ""

    @property
    def arrow(self) -> str:
        return {"ascending": " ↑", "descending": " ↓"}.get(self.aria, "")


NEWEST = "newest"
UNENDED = -1
"""The figures of runs that have not ended, which come last in both directions."""
ORDERS = {
    NEWEST: Order("Newest first", "-pk", "oldest"),
    "oldest": Order("Oldest first", "pk", NEWEST, ascending=True),
    "cost": Order("Dearest first", "-ended_nusd", "cost-asc"),
    "cost-asc": Order("Cheapest first", "ended_nusd", "cost", ascending=True),
    "duration": Order("Longest first", "-ended_ms", "duration-asc"),
    "duration-asc": Order("Shortest first", "ended_ms", "duration", ascending=True),
    "tokens": Order("Most tokens first", "-ended_tokens", "tokens-asc"),
    "tokens-asc": Order("Fewest tokens first", "ended_tokens", "tokens", ascending=True),
    "calls": Order("Most calls first", "-ended_calls", "calls-asc"),
    "calls-asc": Order("Fewest calls first", "ended_calls", "calls", ascending=True),
    "waste": Order("Most waste first", "-ended_waste_nusd", "waste-asc"),
    "waste-asc": Order("Least waste first", "ended_waste_nusd", "waste", ascending=True),
    "queued": Order("Longest in the queue first", "-ended_queued_ms", "queued-asc"),
    "queued-asc": Order("Shortest in the queue first", "ended_queued_ms", "queued", ascending=True),
    "crew": Order("Crew, A to Z", "crew", "crew-desc", is_grouped=True, ascending=True),
    "crew-desc": Order("Crew, Z to A", "crew", "crew", is_grouped=True),
    "state": Order("State, queued to cancelled", "state", "state-desc", is_grouped=True, ascending=True),
    "state-desc": Order("State, cancelled to queued", "state", "state", is_grouped=True),
    "by": Order("Person, A to Z", "created_by", "by-desc", is_grouped=True, ascending=True),
    "by-desc": Order("Person, Z to A", "created_by", "by", is_grouped=True),
}
FIRST_ORDERS = {
    "run": "crew",
    "state": "state",
    "cost": "cost",
    "waste": "waste",
    "duration": "duration",
    "queued": "queued",
    "tokens": "tokens",
    "calls": "calls",
    "by": "by",
    "launched": NEWEST,
}
"""By column of the list: the order that its head leads to at first; a second click leads to the opposite one."""


def column_order(column: str, present: str) -> ColumnOrder | None:
    """What the head of a column offers while the list has the ``present`` order; None if nothing sorts by it."""
    first = FIRST_ORDERS.get(column)
    if first is None:
        return None
    is_present = present in (first, ORDERS[first].other)
    sort = ORDERS[present].other if is_present else first
    aria = ("ascending" if ORDERS[present].ascending else "descending") if is_present else ""
    return ColumnOrder(sort, ORDERS[sort].label, aria)
