"""The parts of the library's pages that say what its agents cost."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents_app.library.queries import AGENTS_A_PAGE
from runs.agent_costs.costs import DAYS, costs_of
from runs.typed_values import whole_number_or_none
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def agent_costs(request: TeamRequest) -> HttpResponse:
    """Of the agents that are named, at most a page of the library; with ``each`` also of each crew's agent."""
    asked = request.GET.getlist("agent")[:AGENTS_A_PAGE]
    numbers = (whole_number_or_none(text, max_digits=9) for text in asked)
    costs = costs_of(request.who, [number for number in numbers if number is not None])
    shown = [(f"cost-of-{pk}", cost) for pk, cost in costs.agents.items()]
    if "each" in request.GET:
        shown += [(f"cost-of-link-{pk}", cost) for pk, cost in costs.links.items()]
    return render(request, "runs/agent_costs/_costs.html", {"shown": shown, "days": DAYS})
