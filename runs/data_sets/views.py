"""Pages of data sets: fetch through the gate, call one action or query, render."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from runs.batches.kept_inputs import newest_version, version_of
from runs.data_sets import actions, queries
from runs.data_sets.files import as_csv, as_json_lines, pieces
from runs.data_sets.forms import GrowForm, NameForm, NewSetForm
from runs.data_sets.preview import LOOKED_AT, RowsPreview, facts_of_version, preview_of
from runs.data_sets.queries import own_data_set
from runs.export.answers import file_or_refusal
from runs.export.formats import Format
from runs.models import Batch, DataSet, DataSetVersion
from runs.typed_values import whole_number_or_none
from teams.access import TeamRequest, fetch, member
from teams.forms import show_refusal
from teams.models import Role
from teams.once import form_once, not_done
from teams.refusals import Conflict, Invalid, Refusal

SHOWN = 50


@member(Role.VIEWER)
@require_GET
def data_sets(request: TeamRequest) -> HttpResponse:
    """Those that are not archived; with ``archived`` those that are."""
    archived = bool(request.GET.get("archived"))
    context: dict[str, Any] = {"archived": archived}
    status = 200
    try:
        cursor = request.GET.get("cursor", "")
        context["page"] = queries.list_data_sets(request.who, archived=archived, cursor=cursor, limit=SHOWN)
    except Invalid as refusal:
        context["refusal"], status = refusal, refusal.status
    return render(request, "runs/data_sets/data_sets.html", context, status=status)


@member(Role.RUNNER)
@form_once()
@require_http_methods(["GET", "POST"])
def new_data_set(request: TeamRequest) -> HttpResponse:
    """The form; sent with ``preview``, what its rows come to; else the set."""
    form = NewSetForm(request.POST or None, request.FILES or None)
    shown: RowsPreview | None = None
    if request.method == "POST" and form.is_valid():
        try:
            rows, notes = form.new_rows()
            if "preview" not in request.POST:
                made = actions.make_data_set(request.who, form.cleaned_data["name"], rows)
                return redirect("data_set", team=request.who.team.slug, name=made.name)
            shown = preview_of(rows, notes=notes)
        except Refusal as refusal:
            _show(form, refusal)
    context = {"form": form, "preview": shown}
    return not_done(render(request, "runs/data_sets/new.html", context, status=422 if form.errors else 200))


@member(Role.RUNNER)
@form_once()
@require_http_methods(["GET", "POST"])
def keep_inputs(request: TeamRequest, batch_id: UUID) -> HttpResponse:
    """The inputs of a batch as a data set."""
    batch = fetch(Batch, request.who, Role.RUNNER, pk=batch_id, related=("team", "crew"))
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.keep_inputs(request.who, batch, form.cleaned_data["name"])
            return redirect("data_set", team=request.who.team.slug, name=made.name)
        except Refusal as refusal:
            _show(form, refusal)
    context = {"form": form, "batch": batch}
    return render(request, "runs/data_sets/keep.html", context, status=422 if form.errors else 200)


@member(Role.VIEWER)
@require_GET
def data_set(request: TeamRequest, name: str) -> HttpResponse:
    """One version of it, the newest if none is named, with a page of its rows."""
    found = own_data_set(request.who, name)
    try:
        return _page(request, found)
    except Invalid:
        return redirect("data_set", team=request.who.team.slug, name=name)


@member(Role.RUNNER)
@form_once()
@require_http_methods(["GET", "POST"])
def grow_data_set(request: TeamRequest, name: str) -> HttpResponse:
    """Another version: the newest one's rows and those that are sent, or with ``alone`` these alone. Sent with
    ``preview``, what either would change."""
    found = own_data_set(request.who, name, Role.RUNNER)
    newest = newest_version(found)
    form = GrowForm(request.POST or None, request.FILES or None, initial={"after": newest.number})
    shown: RowsPreview | None = None
    if request.method == "POST" and form.is_valid():
        try:
            rows, notes = form.new_rows()
            if "preview" not in request.POST:
                grow = actions.add_version if "alone" in request.POST else actions.add_rows
                version = grow(request.who, found, rows, after=form.cleaned_data["after"])
                messages.success(request, f"Kept as version {version.number}.")
                return redirect("data_set", team=request.who.team.slug, name=name)
            shown = preview_of(rows, newest, notes)
            form.looked_at(newest.number)
        except Refusal as refusal:
            _show(form, refusal)
    context = {"form": form, "data_set": found, "newest": newest, "preview": shown}
    return not_done(render(request, "runs/data_sets/grow.html", context, status=422 if form.errors else 200))


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def change_data_set(request: TeamRequest, name: str) -> HttpResponse:
    """Renames it, archives it, takes it back or deletes it, as ``do`` says."""
    found = own_data_set(request.who, name, Role.RUNNER)
    if request.method == "GET":  # somebody opens the address of a refused form anew
        return redirect("data_set", team=request.who.team.slug, name=name)
    do = request.POST.get("do", "")
    form = NameForm(request.POST)
    if do == "delete":
        return _deleted(request, found)
    try:
        if do in ("archive", "restore"):
            found = actions.change(request.who, found, archived=do == "archive")
        elif form.is_valid():
            found = actions.change(request.who, found, name=form.cleaned_data["name"])
    except Refusal as refusal:
        _show(form, refusal)
    if form.is_bound and form.errors and do not in ("archive", "restore"):
        return _page(request, own_data_set(request.who, name), form, status=422)
    return redirect("data_set", team=request.who.team.slug, name=found.name)


def _deleted(request: TeamRequest, found: DataSet) -> HttpResponse:
    try:
        revision = whole_number_or_none(request.POST.get("revision", ""), max_digits=18)
        actions.delete(request.who, found, revision=revision)
    except Conflict as refusal:
        messages.error(request, refusal.message)
        return redirect("data_set", team=request.who.team.slug, name=found.name)
    messages.success(request, f"The data set {found.name} is deleted. Batches of it keep their rows.")
    return redirect("data_sets", team=request.who.team.slug)


@member(Role.VIEWER)
@require_GET
def data_set_csv(request: TeamRequest, name: str) -> HttpResponseBase:
    version = _version(request, own_data_set(request.who, name))
    return _file(request, version, as_csv(version))


@member(Role.VIEWER)
@require_GET
def data_set_jsonl(request: TeamRequest, name: str) -> HttpResponseBase:
    return _file(request, _version(request, own_data_set(request.who, name)), as_json_lines())


def _page(request: TeamRequest, found: DataSet, form: NameForm | None = None, *, status: int = 200) -> HttpResponse:
    version = _version(request, found)
    rows = queries.page_of_rows(version, cursor=request.GET.get("cursor", ""))
    context = {
        "data_set": found,
        "version": version,
        "rows": rows,
        "lines": [(row.position, [row.cells.get(name, "") for name in version.columns]) for row in rows.items],
        "versions": queries.page_of_versions(found, cursor=request.GET.get("versions", "")),
        "facts": facts_of_version(version),
        "looked_at": LOOKED_AT,
        "uses": queries.uses_of(found),
        "form": form or NameForm(initial={"name": found.name}),
    }
    return render(request, "runs/data_sets/data_set.html", context, status=status)


def _version(request: TeamRequest, found: DataSet) -> DataSetVersion:
    return version_of(request.who, found, whole_number_or_none(request.GET.get("version", ""), max_digits=9))


def _show(form: Any, refusal: Refusal) -> None:
    """Complaints about rows, which have no field of their own, stand at the table."""
    fields = {("name" if name == "name" else "table"): said for name, said in reversed(refusal.fields.items())}
    show_refusal(form, Invalid(refusal.message, fields=fields))


def _file(request: TeamRequest, version: DataSetVersion, form: Format) -> HttpResponseBase:
    return file_or_refusal(request, lambda: pieces(version), form, f"{version.data_set.name}-{version.number}")
