"""The page of this month's forecasts, and its one line for the pages that fetch it as a part."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.forecast.page import month_forecast
from runs.forecast.queries import team_forecast
from runs.forecast.words import line
from teams.access import TeamRequest, member
from teams.models import Role

CHOICE, SIMULATED = "money", "simulated"
"""The cookie and the parameter that choose real or simulated runs, as on the first page."""


@member(Role.VIEWER)
@require_GET
def forecast(request: TeamRequest) -> HttpResponse:
    """A page; for another page that asks by htmx the line of the team alone."""
    simulated = (request.GET.get(CHOICE) or request.COOKIES.get(CHOICE)) == SIMULATED
    if request.htmx:
        found = team_forecast(request.who.team, simulated=simulated)
        return render(request, "runs/forecast/_line.html", {"line": line(found)})
    return render(request, "runs/forecast/forecast.html", {"found": month_forecast(request.who, simulated=simulated)})
