"""The page of this month's forecasts."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.forecast.page import month_forecast
from runs.real_or_simulated import chosen, is_simulated, remembered
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def forecast(request: TeamRequest) -> HttpResponse:
    found = month_forecast(request.who, simulated=is_simulated(request.who, chosen(request)))
    return remembered(request, render(request, "runs/forecast/forecast.html", {"found": found}))
