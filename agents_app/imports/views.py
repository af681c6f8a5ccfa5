"""Pages of importing: first what was understood of a source, then the crews that are kept of it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from agents_app.crews.views import to_crew
from agents_app.formats import Imported
from agents_app.imports.actions import keep_crews
from agents_app.imports.apart import read_text_apart, read_uploads_apart
from agents_app.imports.forms import ImportForm, KeptCrew, posted, previewed
from agents_app.imports.page import choosing, preview
from agents_app.imports.uploads import named
from agents_app.spec_json import json_fault
from teams.access import TeamRequest, member
from teams.models import Role
from teams.once import form_once, not_done
from teams.refusals import Invalid, Refusal

PAGE = "agents_app/imports/import.html"


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def import_crew(request: TeamRequest) -> HttpResponse:
    """A POST shows what was understood; the form below that posts to ``save_import``, which makes the crews."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return render(request, PAGE, {"form": form, **choosing()}, status=422 if form.errors else 200)
    files = form.cleaned_data["uploads"]
    try:
        imported = _read(form.cleaned_data["source"], files, request)
    except Invalid as refusal:
        form.add_error("uploads", "; ".join(refusal.fields.values()) or refusal.message)
        return render(request, PAGE, {"form": form, **choosing()}, status=422)
    source = "" if files else form.cleaned_data["source"]
    context = {"form": ImportForm(initial={"source": source}), "imported": imported, "files": len(files), **choosing()}
    context |= preview(previewed(imported.crews))
    return render(request, PAGE, context, status=200 if imported.spec else 422)


def _read(source: str, files: list, request: TeamRequest) -> Imported:  # type: ignore[type-arg]
    if not files:
        return read_text_apart(source)
    return read_uploads_apart(named(files, request.POST.getlist("paths")))


@member(Role.EDITOR)
@form_once()
@require_POST
def save_import(request: TeamRequest) -> HttpResponse:
    """Makes the crews that are ticked, or none of them: then the page shows them all again, with the reason."""
    try:
        kept = posted(request.POST)
    except (ValueError, Refusal) as refusal:
        messages.error(request, json_fault(refusal))
        return not_done(redirect("import_crew", team=request.who.team.slug))
    chosen = [each for each in kept if each.ticked]
    if not chosen:
        return _again(request, kept, "No crew is ticked: tick those that you want to keep.")
    try:
        crews = keep_crews(request.who, [(each.name, each.crew.spec) for each in chosen])
    except Refusal as refusal:
        return _again(request, kept, refusal.message)
    messages.success(request, f"{_listed([crew.name for crew in crews])} imported.")
    return to_crew(request.who, crews[0]) if len(crews) == 1 else redirect("crews", team=request.who.team.slug)


def _again(request: TeamRequest, kept: list[KeptCrew], why: str) -> HttpResponse:
    context = {"form": ImportForm(), "imported": Imported(kept[0].crew.spec, ()), "fault": why, **choosing()}
    return render(request, PAGE, context | preview(kept), status=422)


def _listed(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names[:10]] + (["others"] if len(names) > 10 else [])
    *first, last = quoted
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"
