"""The parts of the library's pages that say what its agents cost."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents_app.library.queries import MAX_USES
from runs.agent_costs.costs import costs_of
from runs.typed_values import whole_number_or_none
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def agent_costs(request: TeamRequest) -> HttpResponse:
    """Of the agents and of the links that are named: as many as one page has of them."""
    costs = costs_of(request.who, agents=_named(request, "agent"), links=_named(request, "link"))
    shown = [(f"cost-of-{pk}", cost) for pk, cost in costs.agents.items()]
    shown += [(f"cost-of-link-{pk}", cost) for pk, cost in costs.links.items()]
    return render(request, "runs/agent_costs/_costs.html", {"shown": shown})


def _named(request: TeamRequest, name: str) -> set[int]:
    numbers = (whole_number_or_none(text, max_digits=9) for text in request.GET.getlist(name)[:MAX_USES])
    return {number for number in numbers if number is not None}
