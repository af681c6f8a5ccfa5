"""Closes a month. There is no verb that opens it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from runs.closing import details
from runs.closing.document import head_text, sha256_of
from runs.closing.lines import write_lines
from runs.closing.open_calls import described, open_calls
from runs.closing.sums import DEFINITIONS, Sums
from runs.closing.words import already_closed, never_spent, not_over_yet, still_open
from runs.models import Bill, ClosedBill, ClosedLine, ClosingEntry
from runs.money import dollars, usd_text
from runs.months import month_after, this_month
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import ApiToken, Role, Team
from teams.refusals import Conflict
from teams.texts.times import time_text
from teams.work_bounds import query_time

FORMAT = "crewsite closed bill 3"
"""Since 2 the sums by dimensions have the counter-lines in them, and waste is among them; since 3 batches are, too.
Bills that were closed before keep their format."""
LINES_AT_ONCE = 2000
SECONDS = 25.0
TOO_LONG = "The database took too long over this month's calls, and nothing was closed. Try again in a moment."


@transaction.atomic
def close_month(who: Principal, month: date, *, token: ApiToken | None = None) -> ClosedBill:
    """Closes the team's bill of that month: freezes its copy, gives it a number and writes the logs of bills and of
    the team.

    ``Conflict`` if the month still runs, is closed already, has no bill, or has open calls, which its fields name.
    Nothing is done then. ``token``: the API token that asks for it.
    """
    require(who, Role.OWNER)
    with query_time(SECONDS, TOO_LONG, field="month") as go_on:
        bill = _locked(who.team, month)
        team = Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)  # numbers are given one by one
        opened = open_calls(team, month)
        if shown := described(opened):
            raise still_open(month, shown, opened.count())
        go_on()
        return _freeze(who, team, bill, token, go_on)


def _locked(team: Team, month: date) -> Bill:
    """The month's bill. Whoever opens or settles a call on it waits for this lock. Lock order: bill before team."""
    present = this_month()
    if month >= present:
        raise not_over_yet(month)
    bill = Bill.objects.select_for_update(no_key=True).filter(team=team, month=month).first()
    if bill is None:
        raise never_spent(month)
    if bill.closed_at is not None:
        raise already_closed(bill)
    return bill


def _freeze(who: Principal, team: Team, bill: Bill, token: ApiToken | None, go_on: Callable[[], None]) -> ClosedBill:
    bill_id, closed_at = _next_id_and_time()
    write_lines(bill_id, team, bill.month, go_on)
    sums = _sums(bill_id, go_on)
    total_nusd = sums.total.nusd
    if total_nusd != bill.spent_nusd:
        raise Conflict(
            f"The lines of this month sum to {dollars(total_nusd)}, but its bill says {dollars(bill.spent_nusd)}. "
            "It was not closed. An operator finds out why with 'manage.py check_invariants'."
        )
    number = ClosedBill.objects.filter(team=team).count() + 1
    by = {"name": str(who.user), "email": who.user.email, "api_token": str(token) if token else None}
    head = head_text(
        _identity(team, bill, number)
        | {"closed_at": time_text(closed_at), "closed_by": by}
        | _figures(bill, team, sums, details.label_sums(bill_id, sums.total, go_on))
    )
    go_on()
    frozen: dict[str, Any] = {
        "team": team,
        "number": number,
        "month": bill.month,
        "closed_at": closed_at,
        "total_nusd": total_nusd,
        "sha256": sha256_of(bill_id, head),
    }
    closed = ClosedBill.objects.create(pk=bill_id, bill=bill, head=head, **frozen)
    closed_by = f"{who.user.name} <{who.user.email}>" if who.user.name else who.user.email
    ClosingEntry.objects.create(**frozen, closed_by=closed_by[:255], by_token=str(token)[:120] if token else "")
    Bill.objects.filter(pk=bill.pk).update(closed_at=closed_at)
    told = {"number": number, "total_usd": usd_text(total_nusd), "sha256": closed.sha256}
    record(who, "bill.closed", closed, name=f"{bill.month:%Y-%m}", **told)
    return closed


def _sums(bill_id: int, go_on: Callable[[], None]) -> Sums:
    sums = Sums()
    lines = ClosedLine.objects.filter(bill_id=bill_id).values_list("text", "nusd")
    for place, (text, nusd) in enumerate(lines.iterator(chunk_size=LINES_AT_ONCE)):
        if place % LINES_AT_ONCE == 0:
            go_on()
        sums.add(text, nusd)
    return sums


def _identity(team: Team, bill: Bill, number: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "number": number,
        "month": f"{bill.month:%Y-%m}",
        "from": f"{bill.month:%Y-%m-%d}T00:00:00Z",
        "until": f"{month_after(bill.month):%Y-%m-%d}T00:00:00Z",
        "team": {"name": team.name, "slug": team.slug},
        "currency": "USD",
    }


def _figures(bill: Bill, team: Team, sums: Sums, by_label: Mapping[str, Any]) -> dict[str, Any]:
    calls_nusd = sums.calls.sum.nusd
    return {
        "total_usd": usd_text(sums.total.nusd),
        "calls_usd": usd_text(calls_nusd),
        "counter_lines_usd": usd_text(sums.total.nusd - calls_nusd),
        "counter_lines": sums.total.counter_lines,
        "budget_usd": usd_text(bill.budget_nusd),
        **sums.counts,
        **sums.calls.tokens,
        **{name.replace("_nusd", "_usd"): usd_text(nusd) for name, nusd in sums.amounts.items()},
        "positions": sums.positions(),
        "by": {**sums.by(), **by_label},
        "waste": details.waste(team, bill.month, sums.waste()),
        "late_figures": details.late_figures(team, bill.month),
        "prices": details.prices(team, bill.month),
        "definitions": dict(DEFINITIONS),
    }


def _next_id_and_time() -> tuple[int, datetime]:
    """The id of the copy that is being made, which its lines name before its head can be reckoned from them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('runs_closedbill', 'id')), clock_timestamp()")
        bill_id, closed_at = cursor.fetchone()
    return bill_id, closed_at
