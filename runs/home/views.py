"""A team's first page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.home.asked import REAL, SIMULATED
from runs.home.page import home
from teams.access import TeamRequest, member
from teams.models import Role

A_YEAR_S = 365 * 24 * 3600
CHOICE = "money"
"""The cookie that remembers whether real or simulated runs are shown."""


@member(Role.VIEWER)
@require_GET
def first_page(request: TeamRequest) -> HttpResponse:
    page = home(request.who, request.GET, remembered=request.COOKIES.get(CHOICE, ""))
    response = render(request, "runs/home/home.html", {"page": page}, status=422 if page.asked.error else 200)
    chosen = request.GET.get("money", "")
    if chosen in (REAL, SIMULATED):
        response.set_cookie(CHOICE, chosen, max_age=A_YEAR_S, samesite="Lax", httponly=True, secure=request.is_secure())
    return response
