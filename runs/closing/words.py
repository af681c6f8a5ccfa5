"""Why a month is not closed, for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from engine.text import counted
from runs.closing.open_calls import OpenCall
from runs.models import Bill, ClosedBill
from runs.months import month_after
from teams.refusals import Conflict
from teams.texts.times import time_text

NAMED = 3
"""Open calls that the message names; all that are looked at are in its fields."""


def title(month: date) -> str:
    return f"{month:%B %Y}"


def not_over_yet(month: date) -> Conflict:
    over = month_after(month)
    return Conflict(
        f"{title(month)} is not over: calls may still be made in it. Close it from {over:%Y-%m-%d} 00:00 UTC on.",
        code="month_not_over",
    )


def never_spent(month: date) -> Conflict:
    return Conflict(
        f"There is no bill of {title(month)}: no real model was asked in it, so there is nothing to close.",
        code="no_bill",
    )


def already_closed(bill: Bill) -> Conflict:
    closed = ClosedBill.objects.filter(bill=bill).first()
    which = f" as bill No. {closed.number}" if closed else ""
    when = f"{bill.closed_at:%Y-%m-%d %H:%M} UTC"
    return Conflict(
        f"{title(bill.month)} was closed at {when}{which}. A closed bill is not opened again: what comes later is a "
        "counter-line of the month in which it comes.",
        code="already_closed",
    )


def still_open(month: date, shown: Sequence[OpenCall], count: int) -> Conflict:
    """Names the first ones; ``fields`` has each that was looked at."""
    named = "; ".join(_sentence(call) for call in shown[:NAMED])
    more = f"; and {count - NAMED:,} more" if count > NAMED else ""
    return Conflict(
        f"{counted(count, 'call')} of {title(month)} {'is' if count == 1 else 'are'} still open, so nothing was "
        f"closed. Try again once they have ended. {named}{more}.",
        fields={f"calls.{call.id}": _sentence(call) for call in shown},
        code="open_calls",
    )


def _sentence(call: OpenCall) -> str:
    until = f"until {time_text(call.until, timespec='seconds')} at the latest" if call.until else "until then"
    return (
        f"{call.what} in run {call.run_id} of {call.crew}, opened {time_text(call.started_at, timespec='seconds')}: "
        f"{call.why}; open {until}"
    )
