"""What an agent of the library really cost in this team: the calls of those agents of crews that come from it.

Real and simulated calls are never added up. A crew's agent counts with all its calls of these days,
whatever it said then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

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
    """Of the last ``DAYS`` days: by the id of the library's agent, and by the id of the crew's link with it."""

    agents: Mapping[int, AgentCost]
    links: Mapping[int, AgentCost]


def costs_of(who: Principal, agents: Iterable[int]) -> Costs:
    """Of these agents of the library, those of other teams left out. Three statements."""
    of_agents = dict.fromkeys(agents, AgentCost())
    rows = list(links_of_team(who).filter(base__agent__in=of_agents).values_list("pk", "base__agent", "crew", "key"))
    known = {agent for _, agent, *_ in rows}
    if not rows:
        return Costs({}, {})
    real, simulated = (_by_agent(who, simulated=simulated) for simulated in (False, True))
    links: dict[int, AgentCost] = {}
    for link, agent, crew, key in rows:
        name = (f"{crew}/{key}",)
        links[link] = AgentCost(real.get(name, NONE), simulated.get(name, NONE))
        of_agents[agent] += links[link]
    return Costs({agent: cost for agent, cost in of_agents.items() if agent in known}, links)


def _by_agent(who: Principal, *, simulated: bool) -> dict[tuple[object, ...], Sums]:
    until = timezone.now().date() + timedelta(days=1)
    scope = Scope(who, simulated, None, since=until - timedelta(days=DAYS), until=until)
    return sums_of(scope, ("agent",))
