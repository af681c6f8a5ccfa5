"""What budgets of the present month stand at: the team's, and those of its members as far as somebody may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from runs.bounds import budgets, quotas
from runs.models import Allowance, Bill
from teams.access import Principal
from teams.models import Membership, User
from teams.queries import members


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget in 1e-9 USD, None for no limit: what is spent of it and what calls in flight hold."""

    budget_nusd: int | None
    spent_nusd: int = 0
    reserved_nusd: int = 0

    @property
    def left_nusd(self) -> int | None:
        if self.budget_nusd is None:
            return None
        return max(0, self.budget_nusd - self.spent_nusd - self.reserved_nusd)


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """``own_nusd`` is a budget set for this member alone, in place of the team's usual one."""

    user: User
    standing: Standing
    own_nusd: int | None


@dataclass(frozen=True, slots=True)
class Standings:
    """``launches`` of this person in the window that the team's quota counts; None without a quota."""

    month: date
    team: Standing
    members: Sequence[MemberStanding]
    launches: int | None


def standings(who: Principal) -> Standings:
    """For an owner of everybody, for others of the team and themselves."""
    month = budgets.this_month()
    bill = Bill.objects.filter(team=who.team, month=month).first()
    rows = members(who) if who.can_own else members(who).filter(user=who.user)
    allowances = {one.user_id: one for one in Allowance.objects.filter(team=who.team, month=month)}
    return Standings(
        month=month,
        team=_standing(bill, who.team.budget_nusd),
        members=[_member(row, allowances.get(row.user_id), who.team.user_budget_nusd) for row in rows],
        launches=None if who.team.launch_quota is None else quotas.used(who),
    )


def _member(row: Membership, allowance: Allowance | None, usual_nusd: int | None) -> MemberStanding:
    budget = usual_nusd if row.budget_nusd is None else row.budget_nusd
    return MemberStanding(row.user, _standing(allowance, budget), row.budget_nusd)


def _standing(sums: Bill | Allowance | None, budget_nusd: int | None) -> Standing:
    """What enforces is what is shown: the month's own row, once there is one."""
    return Standing(budget_nusd) if sums is None else Standing(sums.budget_nusd, sums.spent_nusd, sums.reserved_nusd)
