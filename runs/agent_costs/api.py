"""The API's operation on what agents of the library cost."""

from __future__ import annotations

from ninja import Router, Schema
from pydantic import Field

from agents_app.library import queries
from runs.agent_costs.costs import DAYS, AgentCost, costs_by_crew
from runs.bill_sums.sums import Sums
from runs.money import usd_text
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["agents"])


class AgentSums(Schema):
    calls: int
    unpriced_calls: int = Field(description="their cost is not known, so it is not in cost_usd")
    total_tokens: int
    cost_usd: str

    @staticmethod
    def of(sums: Sums) -> AgentSums:
        return AgentSums(
            calls=sums.calls,
            unpriced_calls=sums.unpriced_calls,
            total_tokens=sums.total_tokens,
            cost_usd=usd_text(sums.spent_nusd),
        )


class AgentCrewCosts(Schema):
    """Of the agent of one crew that comes from there."""

    crew: str
    key: str = Field(description="the agent's in the crew")
    real: AgentSums
    simulated: AgentSums


class AgentCostsOut(Schema):
    days: int = Field(description="so many last days, today among them")
    real: AgentSums
    simulated: AgentSums
    crews: list[AgentCrewCosts] = Field(description="the same by crew: they sum to the two above")


@router.get("/{int:agent_id}/costs", response={200: AgentCostsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_agent_costs(request: ApiRequest, agent_id: int) -> AgentCostsOut:
    """What an agent of the library cost in the crews that use it now, with all calls there of the last 30 days."""
    agent = queries.agent_of(request.auth, agent_id)
    by_crew = costs_by_crew(request.auth, agent.pk)
    cost = sum((one.cost for one in by_crew), AgentCost())
    return AgentCostsOut(
        days=DAYS,
        real=AgentSums.of(cost.real),
        simulated=AgentSums.of(cost.simulated),
        crews=[
            AgentCrewCosts(
                crew=one.crew,
                key=one.key,
                real=AgentSums.of(one.cost.real),
                simulated=AgentSums.of(one.cost.simulated),
            )
            for one in by_crew
        ],
    )
