"""What the budgets of this month stand at: the team's, and its members' as far as the reader may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from runs.bounds import quotas
from runs.bounds.unpriced import unpriced_calls, unpriced_calls_by_person
from runs.models import Allowance, Bill
from runs.months import this_month
from teams.access import Principal
from teams.models import Membership, User
from teams.queries import members


@dataclass(frozen=True, slots=True)
class Standing:
    """What a budget stands at."""

    budget_nusd: int | None  # None: no limit
    spent_nusd: int = 0
    reserved_nusd: int = 0  # held for calls in flight
    unpriced_calls: int = 0  # whose cost nobody knows, so that it is not in ``spent_nusd``

    @property
    def left_nusd(self) -> int | None:
        if self.budget_nusd is None:
            return None
        return max(0, self.budget_nusd - self.spent_nusd - self.reserved_nusd)


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """What a member's budget stands at."""

    user: User
    standing: Standing
    own_nusd: int | None  # set for this member alone, in place of the team's usual budget


@dataclass(frozen=True, slots=True)
class Standings:
    """A team's budgets of one month as one person sees them."""

    month: date
    team: Standing
    members: Sequence[MemberStanding]
    launches: int | None  # this person's within the quota's window; None without a quota


def standings(who: Principal) -> Standings:
    """An owner sees every member's budget, others see the team's and their own."""
    month = this_month()
    bill = Bill.objects.filter(team=who.team, month=month).first()
    memberships = members(who) if who.can_own else members(who).filter(user=who.user)
    unpriced = unpriced_calls_by_person(who.team, month)
    allowances = {allowance.user_id: allowance for allowance in Allowance.objects.filter(team=who.team, month=month)}
    return Standings(
        month=month,
        team=_standing(bill, who.team.budget_nusd, sum(unpriced.values())),
        members=[
            _member(
                membership,
                allowances.get(membership.user_id),
                who.team.user_budget_nusd,
                unpriced.get(membership.user_id, 0),
            )
            for membership in memberships
        ],
        launches=None if who.team.launch_quota is None else quotas.used(who),
    )


def team_standing(who: Principal) -> Standing:
    """The team's budget of this month."""
    month = this_month()
    bill = Bill.objects.filter(team=who.team, month=month).first()
    return _standing(bill, who.team.budget_nusd, unpriced_calls(who.team, month))


def _member(
    membership: Membership, allowance: Allowance | None, usual_nusd: int | None, unpriced: int
) -> MemberStanding:
    budget_nusd = usual_nusd if membership.budget_nusd is None else membership.budget_nusd
    return MemberStanding(membership.user, _standing(allowance, budget_nusd, unpriced), membership.budget_nusd)


def _standing(month: Bill | Allowance | None, budget_nusd: int | None, unpriced: int) -> Standing:
    """The month's own row once there is one, because that row is what is enforced."""
    if month is None:
        return Standing(budget_nusd, unpriced_calls=unpriced)
    return Standing(month.budget_nusd, month.spent_nusd, month.reserved_nusd, unpriced)
