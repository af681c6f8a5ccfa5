"""What a member leaves behind in a team."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from agents_app.models import Crew
from runs.models import Allowance, BatchRow, Run, SavedView, Scenario, Schedule
from runs.months import this_month
from runs.states import RUN_ENDED, BatchState
from teams.access import Principal, visible_to
from teams.models import ApiToken, Membership
from teams.queries import tokens_that_work

RUNNING_OR_PAUSED = Q(batch__state__in=(BatchState.RUNNING, BatchState.PAUSED))


@dataclass(frozen=True, slots=True)
class Belongings:
    """Counts of what is a member's; money in 1e-9 USD."""

    crews: int  # that they made
    runs: int  # that they launched
    under_way: int  # of those, the ones that have not ended
    rows: int  # of batches that they added and that wait: others have to take these over
    schedules: int  # that launch in their name, and go off
    tokens: int  # that work now
    own_views: int  # saved views and scenarios that only they see
    budget_nusd: int | None  # their own budget of a month; None: the usual one
    spent_nusd: int  # by them this month, in real money


def belongings(who: Principal, member: Membership) -> Belongings:
    """Of a member of the principal's team."""
    launched = visible_to(who, Run).filter(created_by=member.user_id)
    month = Allowance.objects.filter(team=who.team, user=member.user_id, month=this_month()).first()
    return Belongings(
        crews=visible_to(who, Crew).filter(created_by=member.user_id).count(),
        runs=launched.count(),
        under_way=launched.exclude(state__in=RUN_ENDED).count(),
        rows=visible_to(who, BatchRow).filter(RUNNING_OR_PAUSED, run=None, added_by=member.user_id).count(),
        schedules=visible_to(who, Schedule).filter(owner=member.user_id, off_for="").count(),
        tokens=tokens_that_work(visible_to(who, ApiToken)).filter(user=member.user_id).count(),
        own_views=sum(visible_to(who, model).filter(owner=member.user_id).count() for model in (SavedView, Scenario)),
        budget_nusd=member.budget_nusd,
        spent_nusd=month.spent_nusd if month else 0,
    )
