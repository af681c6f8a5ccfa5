"""Pages of exporting: what each format says of a crew, and its files. Who may see a crew may take it along."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from agents_app.export.files import file_of, zip_of
from agents_app.export.queries import all_exported, draft_spec, version_spec
from agents_app.models import Crew
from agents_app.writers import FORMATS, ExportFormat, export
from engine.spec.crew_spec import CrewSpec
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_GET
def export_crew(request: TeamRequest, slug: str) -> HttpResponse:
    crew, spec = draft_spec(request.who, slug)
    return _page(request, crew, spec, lambda form: _address(request, "exported_crew", slug=slug, form=form))


@member(Role.VIEWER)
@require_GET
def exported_crew(request: TeamRequest, slug: str, form: str) -> HttpResponse:
    """The draft as a file."""
    return file_of(export(draft_spec(request.who, slug)[1], _format(form)))


@member(Role.VIEWER)
@require_GET
def export_version(request: TeamRequest, slug: str, number: int) -> HttpResponse:
    crew, spec = version_spec(request.who, slug, number)

    def address(form: ExportFormat) -> str:
        return _address(request, "exported_version", slug=slug, number=number, form=form)

    return _page(request, crew, spec, address, number=number)


@member(Role.VIEWER)
@require_GET
def exported_version(request: TeamRequest, slug: str, number: int, form: str) -> HttpResponse:
    """A version as a file."""
    return file_of(export(version_spec(request.who, slug, number)[1], _format(form)))


@member(Role.VIEWER)
@require_GET
def exported_crews(request: TeamRequest, form: str) -> HttpResponse:
    """All crews of the team as a zip."""
    form = _format(form)
    try:
        crews = all_exported(request.who, form)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("crews", team=request.who.team.slug)
    return zip_of(crews, name=f"{request.who.team.slug}-crews-{form}.zip")


def _page(
    request: TeamRequest,
    crew: Crew,
    spec: CrewSpec,
    address: Callable[[ExportFormat], str],
    number: int | None = None,
) -> HttpResponse:
    lines = [(FORMATS[form], export(spec, form), address(form)) for form in FORMATS]
    context = {"crew": crew, "number": number, "lines": lines}
    return render(request, "agents_app/export/export.html", context)


def _address(request: TeamRequest, name: str, **parameters: object) -> str:
    return reverse(name, kwargs={"team": request.who.team.slug, **parameters})


def _format(form: str) -> ExportFormat:
    for known in FORMATS:
        if form == known:
            return known
    raise Http404
