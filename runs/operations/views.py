"""The page of workers, queue and what is stuck."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.operations.queries import REASONS, operations
from teams.access import TeamRequest, member, sees_all
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def workers(request: TeamRequest) -> HttpResponse:
    """Workers, queue and what is stuck. The same address gives the page and, to htmx, the part that is read anew."""
    whole = sees_all(request.who) and request.GET.get("scope") != "team"
    context = {"now": operations(request.who, whole=whole), "sees_all": sees_all(request.who), "reasons": REASONS}
    return render(
        request, "runs/operations/_operations.html" if request.htmx else "runs/operations/workers.html", context
    )
