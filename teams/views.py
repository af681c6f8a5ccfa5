"""Home, and where the settings begin."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from teams import queries
from teams.access import TeamRequest, member, signed_in
from teams.models import Role


@signed_in
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    team = queries.teams_of(request.user).first()  # type: ignore[arg-type]
    if team is None:
        return render(request, "teams/no_team.html", status=404)
    return redirect("first_page", team=team.slug)


@member(Role.VIEWER)
@require_GET
def settings_page(request: TeamRequest) -> HttpResponse:
    """Settings have pages of their own; the list at their side begins with people."""
    return redirect("people", team=request.who.team.slug)
