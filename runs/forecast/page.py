"""The present month's forecasts as one person may see them: the team's, of each crew, and of members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from agents_app.models import Crew
from runs.bounds.standings import MemberStanding, Standing, Standings, standings
from runs.forecast.month import Forecast
from runs.forecast.queries import forecasts
from runs.forecast.words import Line, line
from teams.access import Principal, visible_to
from teams.models import User


@dataclass(frozen=True, slots=True)
class CrewForecast:
    crew: Crew
    forecast: Forecast

    @property
    def line(self) -> Line:
        return line(self.forecast)


@dataclass(frozen=True, slots=True)
class MemberForecast:
    """``standing`` is None of simulated runs, which no monthly budget holds."""

    user: User
    standing: Standing | None
    forecast: Forecast

    @property
    def line(self) -> Line:
        return line(self.forecast)


@dataclass(frozen=True, slots=True)
class MonthForecast:
    """``standing`` is None of simulated runs."""

    month: date
    simulated: bool
    team: Forecast
    standing: Standing | None
    crews: Sequence[CrewForecast]  # the dearest first
    members: Sequence[
        MemberForecast
    ]  # the dearest first: for an owner all who spent or have a budget, for others themselves

    @property
    def line(self) -> Line:
        return line(self.team)


@dataclass(frozen=True, slots=True)
class BudgetLines:
    """What is said beside each budget: the team's, and those of members by the person's id."""

    team: Line
    members: Mapping[int, Line]


def month_forecast(who: Principal, *, simulated: bool = False) -> MonthForecast:
    """In a fixed number of queries."""
    now = standings(who)
    of_members = forecasts(who.team, "person", simulated=simulated, standings=None if simulated else _by_user(now))
    of_crews = forecasts(who.team, "crew", simulated=simulated).each
    crews = visible_to(who, Crew).filter(pk__in=of_crews)
    return MonthForecast(
        of_members.team.month,
        simulated,
        of_members.team,
        None if simulated else now.team,
        crews=sorted(
            (CrewForecast(crew, of_crews[crew.pk]) for crew in crews),
            key=lambda one: (-one.forecast.spent_nusd, one.crew.name),
        ),
        members=sorted(
            (
                MemberForecast(one.user, None if simulated else one.standing, of_members.each[one.user.pk])
                for one in now.members
                if one.user.pk in of_members.each and _tells(one, of_members.each[one.user.pk], simulated)
            ),
            key=lambda one: (-one.forecast.spent_nusd, str(one.user)),
        ),
    )


def budget_lines(who: Principal, now: Standings) -> BudgetLines:
    """One query for the days of all members, and one for the team's bill."""
    found = forecasts(who.team, "person", standings=_by_user(now))
    return BudgetLines(line(found.team), {user: line(one) for user, one in found.each.items()})


def _by_user(now: Standings) -> dict[int, Standing]:
    return {one.user.pk: one.standing for one in now.members}


def _tells(member: MemberStanding, found: Forecast, simulated: bool) -> bool:
    return bool(found.spent_nusd or found.high_nusd or (member.standing.budget_nusd is not None and not simulated))
