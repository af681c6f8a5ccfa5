"""A team's months: which there are, what each came to, and what its bill says beside its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from runs.bill_sums.months import months_of
from runs.bill_sums.sums import NONE, Sums
from runs.bills.bounds import one_answer
from runs.bills.lines import Lines, total_of
from runs.models import Bill
from runs.months import month_before, this_month
from teams.access import Principal, visible_to

SHOWN_MONTHS = 36


@dataclass(frozen=True, slots=True)
class BillStanding:
    """A month's budget, of its bill or, before its first real call, the team's. ``closed_at``: None while it is
    open."""

    budget_nusd: int | None
    spent_nusd: int
    reserved_nusd: int
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class MonthLine:
    """A month in the list. ``budget_nusd``: as of ``BillStanding``; None of simulated money. ``before_nusd``: what the
    month before came to, 0 if it has no line; None: the team has no earlier month."""

    month: date
    sums: Sums
    closed_at: datetime | None
    budget_nusd: int | None
    is_present: bool
    before_nusd: int | None


def standing_of(who: Principal, month: date, *, simulated: bool) -> BillStanding | None:
    """None for simulated money, which is on no bill, and for a month without a bill that is not the present one."""
    if simulated:
        return None
    bill = visible_to(who, Bill).filter(month=month).first()
    if bill is not None:
        return BillStanding(bill.budget_nusd, bill.spent_nusd, bill.reserved_nusd, bill.closed_at)
    return BillStanding(who.team.budget_nusd, 0, 0, None) if month == this_month() else None


def month_lines(who: Principal, *, simulated: bool) -> list[MonthLine]:
    """The newest ``SHOWN_MONTHS`` months, newest first."""
    with one_answer():
        return _month_lines(who, simulated)


def _month_lines(who: Principal, simulated: bool) -> list[MonthLine]:
    every = months_of(who, simulated=simulated)
    months = every[:SHOWN_MONTHS]
    bills: Mapping[date, Bill] = {}
    if not simulated:
        bills = {bill.month: bill for bill in visible_to(who, Bill).filter(month__in=months)}
    read = {*months, *map(month_before, months)} & {*every}
    sums = {month: total_of(Lines(who, month, simulated).by()) for month in read}
    present = this_month()
    usual = None if simulated else who.team.budget_nusd
    return [_line(month, sums, bills.get(month), every, present, usual) for month in months]


def _line(
    month: date, sums: Mapping[date, Sums], bill: Bill | None, every: Sequence[date], present: date, usual: int | None
) -> MonthLine:
    """``usual``: the team's budget, which is that of the present month until it has a bill."""
    is_present = month == present
    return MonthLine(
        month,
        sums[month],
        bill.closed_at if bill else None,
        bill.budget_nusd if bill else usual if is_present else None,
        is_present,
        sums.get(month_before(month), NONE).spent_nusd if month != every[-1] else None,
    )
