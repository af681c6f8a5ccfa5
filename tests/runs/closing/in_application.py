"""Run in an application that a journey has started, by ``manage.py shell``: a team with real months to close."""

from __future__ import annotations

from datetime import date

from runs.closing.actions import close_month
from runs.models import Call
from runs.months import month_before
from teams.access import Principal
from teams.models import Membership, Role, Team, User
from tests.cast import Cast
from tests.runs.books import last_month
from tests.runs.closing.months import Month, book_late


def make_months(email: str, slug: str) -> None:
    """A new team of that person, with three real months. The first is closed, and a figure of it came late."""
    user, team = User.objects.get(email=email), Team.objects.create(slug=slug, name=slug.capitalize())
    Membership.objects.create(user=user, team=team, role=Role.OWNER)
    who = Principal(user, team, Role.OWNER)
    cast = Cast(team=team, owner=who, editor=who, runner=who, viewer=who, stranger=who)
    months = [Month(cast, month) for month in (last_month(), before(1), before(2))]
    close_month(who, months[-1].month)
    months[-1].book_late()


def book_late_of(slug: str, months: int) -> None:
    """The exact figure of the call of unknown outcome comes now, of so many months before the last one."""
    book_late(Call.objects.get(team__slug=slug, state="unknown", billed_month=before(months)))


def before(months: int) -> date:
    """The month so many before the last one."""
    found = last_month()
    for _ in range(months):
        found = month_before(found)
    return found
