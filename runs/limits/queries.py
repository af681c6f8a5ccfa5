"""Reads of a team's limits: as they are set, and what this month's budgets stand at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.bounds.standings import Standings, standings
from runs.limits.actions import limits_of
from runs.models import Alert
from runs.notices import alerts
from teams.access import Principal
from teams.models import Team


@dataclass(frozen=True, slots=True)
class LimitsNow:
    """As far as one person may see them."""

    team: Team
    standings: Standings
    alerts: Sequence[Alert]
    revision: str  # of the limits as they are set


def limits_now(who: Principal) -> LimitsNow:
    """The limits of the team with this month's budgets and the newest alerts."""
    return LimitsNow(who.team, standings(who), alerts.listed(who), limits_of(who.team).digest)
