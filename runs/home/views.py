"""A team's first page, and the same figures of one crew."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from agents_app.models import Crew
from agents_app.queries import own_crew
from runs.home.drawing import columns, moment, rows
from runs.home.page import home
from runs.real_or_simulated import money_of, remembered
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def first_page(request: TeamRequest) -> HttpResponse:
    return _figures(request, "runs/home/home.html")


@member(Role.VIEWER)
@require_GET
def crew_figures(request: TeamRequest, slug: str) -> HttpResponse:
    """A page, or the part of it that the crew's page fetches: that one comes from an app that knows nothing of runs."""
    template = "runs/home/_crew_figures.html" if request.htmx else "runs/home/crew.html"
    return _figures(request, template, own_crew(request.who, slug))


def _figures(request: TeamRequest, template: str, crew: Crew | None = None) -> HttpResponse:
    page = home(request.who, request.GET, remembered=money_of(request.COOKIES), crew=crew)
    runs_page = reverse("runs", kwargs={"team": request.who.team.slug})
    context = {
        "page": page,
        "crew": crew,
        "columns": columns(page.bars, runs_page),
        "rows": rows(page.bars, runs_page),
        "ticks": [moment(column, page.bars.grain) for column in page.bars.ticks],
    }
    return remembered(request, render(request, template, context, status=422 if page.asked.error else 200))
