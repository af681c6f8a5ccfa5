"""What the team's provider keys were used for, for their page: that comes from an app that knows nothing of runs."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.key_use.queries import key_use
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def keys_used(request: TeamRequest) -> HttpResponse:
    return render(request, "runs/key_use/_keys_used.html", {"uses": key_use(request.who)})
