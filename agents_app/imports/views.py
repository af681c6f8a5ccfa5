"""Pages of importing: first what was understood of a source, then the crew."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from agents_app import actions
from agents_app.crews.views import to_crew
from agents_app.imports.apart import read_apart
from agents_app.imports.forms import ImportForm, SaveImportForm
from agents_app.imports.page import preview
from agents_app.spec_json import json_fault
from engine.spec.crew_spec import CrewSpec
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def import_crew(request: TeamRequest) -> HttpResponse:
    """A POST shows what was understood; the form below that posts to ``save_import``, which makes the crew."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return render(request, "agents_app/imports/import.html", {"form": form}, status=422 if form.errors else 200)
    texts = form.texts()
    imported = read_apart(texts)
    context = {"form": ImportForm(initial={"source": "\n\n".join(texts.values())}), "imported": imported}
    if imported.spec is not None:
        context |= preview(imported.spec)
    return render(request, "agents_app/imports/import.html", context, status=200 if imported.spec else 422)


@member(Role.EDITOR)
@require_POST
def save_import(request: TeamRequest) -> HttpResponse:
    form = SaveImportForm(request.POST)
    if not form.is_valid():
        return redirect("import_crew", team=request.who.team.slug)
    try:
        spec = CrewSpec.from_json(json.loads(form.cleaned_data["spec"]))
        crew = actions.create_crew(request.who, name=form.cleaned_data["name"] or spec.name, spec=spec)
    except (ValueError, RecursionError, Refusal) as refusal:
        messages.error(request, json_fault(refusal))
        return redirect("import_crew", team=request.who.team.slug)
    messages.success(request, f"“{crew.name}” is imported.")
    return to_crew(request.who, crew)
