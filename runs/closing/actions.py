"""Closes a month. There is no verb that opens it again."""

from __future__ import annotations

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
from teams.models import ApiToken, Role, Team
from teams.refusals import Conflict
from teams.times import time_text
from teams.work_bounds import query_time

FORMAT = "crewsite closed bill 1"
SECONDS = 25.0
TOO_LONG = "The database took too long over this month's calls, and nothing was closed. Try again in a moment."


@transaction.atomic
def close_month(who: Principal, month: date, *, token: ApiToken | None = None) -> ClosedBill:
    """Closes the team's bill of that month: freezes its copy, gives it a number and writes the log.

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
        return _freeze(who, team, bill, token)


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


def _freeze(who: Principal, team: Team, bill: Bill, token: ApiToken | None) -> ClosedBill:
    bill_id, closed_at = _next_id_and_time()
    write_lines(bill_id, team, bill.month)
    sums = Sums()
    lines = ClosedLine.objects.filter(bill_id=bill_id).values_list("text", "nusd", "is_counter_line")
    for text, nusd, is_counter_line in lines.iterator():
        sums.add(text, nusd, is_counter_line=is_counter_line)
    total_nusd = sums.total.nusd + sums.counter_nusd
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
        | _figures(bill, team, sums)
    )
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
    return closed


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


def _figures(bill: Bill, team: Team, sums: Sums) -> dict[str, Any]:
    return {
        "total_usd": usd_text(sums.total.nusd + sums.counter_nusd),
        "calls_usd": usd_text(sums.total.nusd),
        "counter_lines_usd": usd_text(sums.counter_nusd),
        "counter_lines": sums.counter_lines,
        "budget_usd": usd_text(bill.budget_nusd),
        **sums.counts,
        **sums.total.tokens,
        **{name.replace("_nusd", "_usd"): usd_text(nusd) for name, nusd in sums.amounts.items()},
        "positions": sums.positions(),
        "by": sums.by(),
        "waste": details.waste(team, bill.month, sums),
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
