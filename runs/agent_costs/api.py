"""The API's operation on what agents of the library cost."""

from __future__ import annotations

from ninja import Router, Schema
from pydantic import Field

from agents_app.library import queries
from runs.agent_costs.costs import DAYS, AgentCost, costs_of
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


class AgentCostsOut(Schema):
    days: int = Field(description="so many last days, today among them")
    real: AgentSums
    simulated: AgentSums


@router.get("/{int:agent_id}/costs", response={200: AgentCostsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_agent_costs(request: ApiRequest, agent_id: int) -> AgentCostsOut:
    """What an agent of the library cost in the crews that use it now, with all calls there of the last 30 days."""
    agent = queries.agent_of(request.auth, agent_id)
    cost = costs_of(request.auth, agents=[agent.pk]).agents.get(agent.pk, AgentCost())
    return AgentCostsOut(days=DAYS, real=AgentSums.of(cost.real), simulated=AgentSums.of(cost.simulated))
