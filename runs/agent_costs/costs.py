"""What an agent of the library really cost in this team: the calls of those agents of crews that come from it.

Real and simulated calls are never added up. A crew's agent counts with all its calls of these days,
whatever it said then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from agents_app.library.queries import links_of_team
from runs.bill_sums.sums import NONE, Scope, Sums, sums_of
from teams.access import Principal

DAYS = 30


@dataclass(frozen=True, slots=True)
class AgentCost:
    real: Sums = NONE
    simulated: Sums = NONE

    def __add__(self, other: AgentCost) -> AgentCost:
        return AgentCost(self.real + other.real, self.simulated + other.simulated)


@dataclass(frozen=True, slots=True)
class Costs:
    """Of the last ``DAYS`` days: by the id of the library's agent, and by the id of the crew's link with it. What no
    crew uses is left out."""

    agents: Mapping[int, AgentCost]
    links: Mapping[int, AgentCost]


def costs_of(who: Principal, *, agents: Collection[int] = (), links: Collection[int] = ()) -> Costs:
    """Of these agents of the library and of these links with it, without those of other teams. Three statements."""
    asked = links_of_team(who).filter(Q(base__agent__in=agents) | Q(pk__in=links))
    rows = list(asked.values_list("pk", "base__agent", "crew", "key"))
    of_agents: defaultdict[int, AgentCost] = defaultdict(AgentCost)
    of_links: dict[int, AgentCost] = {}
    real, simulated = (_by_agent(who, simulated=simulated) if rows else {} for simulated in (False, True))
    for link, agent, crew, key in rows:
        name = (f"{crew}/{key}",)
        cost = AgentCost(real.get(name, NONE), simulated.get(name, NONE))
        if link in links:
            of_links[link] = cost
        if agent in agents:
            of_agents[agent] += cost
    return Costs(of_agents, of_links)


@dataclass(frozen=True, slots=True)
class CrewCost:
    """What an agent of the library cost in one crew, by the key that it has there."""

    crew: str  # the slug
    key: str
    cost: AgentCost


def costs_by_crew(who: Principal, agent: int) -> list[CrewCost]:
    """One of each crew's agents that come from this one of the library, by the crew's slug. Three statements."""
    asked = links_of_team(who).filter(base__agent=agent)
    rows = list(asked.order_by("crew__slug", "key").values_list("crew", "crew__slug", "key"))
    real, simulated = (_by_agent(who, simulated=simulated) if rows else {} for simulated in (False, True))
    return [
        CrewCost(slug, key, AgentCost(real.get((f"{crew}/{key}",), NONE), simulated.get((f"{crew}/{key}",), NONE)))
        for crew, slug, key in rows
    ]


def _by_agent(who: Principal, *, simulated: bool) -> dict[tuple[object, ...], Sums]:
    until = timezone.now().date() + timedelta(days=1)
    scope = Scope(who, simulated, None, since=until - timedelta(days=DAYS), until=until)
    return sums_of(scope, ("agent",))
