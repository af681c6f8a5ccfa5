"""The pages of a team's people and of one's own account."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from teams import queries
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def people(request: TeamRequest) -> HttpResponse:
    return render(request, "teams/people.html", {"members": queries.members(request.who)})


@member(Role.VIEWER)
@require_GET
def account(request: TeamRequest) -> HttpResponse:
    return render(request, "teams/account.html")
