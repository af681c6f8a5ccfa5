"""Pages of templates: look at them, copy one, try one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from agents_app.gallery import actions
from agents_app.gallery.queries import as_template, list_templates
from agents_app.graph.layout import graphs, layout
from agents_app.models import CrewVersion
from teams.access import TeamRequest, fetch, member
from teams.models import Role
from teams.refusals import Invalid

THUMBNAIL_WIDTH = 300


@member(Role.VIEWER)
@require_GET
def templates(request: TeamRequest) -> HttpResponse:
    shared = list_templates(request.who)
    cards = [(template, layout(template.spec, width=THUMBNAIL_WIDTH, compact=True)) for template in shared]
    return render(request, "agents_app/gallery/templates.html", {"cards": cards})


@member(Role.VIEWER)
@require_GET
def template(request: TeamRequest, pk: int) -> HttpResponse:
    card = as_template(fetch(CrewVersion, request.who, pk=pk, shared_at__isnull=False))
    return render(
        request, "agents_app/gallery/template.html", {"template": card, "spec": card.spec, **graphs(card.spec)}
    )


@member(Role.EDITOR)
@require_POST
def copy_template(request: TeamRequest, pk: int) -> HttpResponse:
    version = fetch(CrewVersion, request.who, pk=pk, shared_at__isnull=False)
    try:
        crew = actions.copy_template(request.who, version)
    except Invalid as refusal:
        messages.error(request, refusal.message)
        return redirect("template", team=request.who.team.slug, pk=pk)
    return redirect("launch" if "try" in request.POST else "crew", team=request.who.team.slug, slug=crew.slug)
