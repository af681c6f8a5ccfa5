"""Reads closed bills and their log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.http import Http404

from runs.models import ClosedBill, ClosingEntry
from runs.months import month_named
from teams.access import Principal, visible_to


def month_or_404(name: str) -> date:
    """The month that an address names."""
    month = month_named(name)
    if month is None:
        raise Http404("No such month.")
    return month


def closed_bill(who: Principal, month: date) -> ClosedBill:
    """The team's closed bill of that month. Raises ``Http404`` if there is none."""
    found = visible_to(who, ClosedBill).filter(month=month).first()
    if found is None:
        raise Http404("No such closed bill.")
    return found


def closing_log(who: Principal) -> Sequence[ClosingEntry]:
    """Who closed which bill when, the last one first. There is at most one a month."""
    return list(visible_to(who, ClosingEntry).order_by("-number"))
