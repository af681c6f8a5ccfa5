"""The two addresses of made-up teams: look at one's own example, and remove it again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from runs.demo import actions
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_POST
def open_example(request: TeamRequest) -> HttpResponse:
    try:
        team = actions.open_example(request.who.user, request.who.origin)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        team = request.who.team
    return redirect("first_page", team=team.slug)


@member(Role.OWNER)
@require_POST
def remove_example(request: TeamRequest) -> HttpResponse:
    try:
        actions.remove_example(request.who)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("first_page", team=request.who.team.slug)
    messages.success(request, "The made-up team is removed, with everything in it.")
    return redirect("home")
