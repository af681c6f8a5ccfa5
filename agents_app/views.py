"""Pages of crews: fetch through the gate, parse, call one action or query, render. Templates are in ``gallery``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from pydantic import ValidationError

from agents_app import actions, editor, queries
from agents_app.formats import read_files
from agents_app.forms import EditForm, ImportForm, NameForm, SaveImportForm
from agents_app.graph import layout
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.spec import CrewSpec
from teams.access import Principal, TeamRequest, fetch, member
from teams.models import Role
from teams.refusals import Refusal

WIDE, NARROW = 520, 340


@member(Role.VIEWER)
@require_GET
def crews(request: TeamRequest) -> HttpResponse:
    search = request.GET.get("q", "").replace("\x00", "").strip()
    found = list(queries.list_crews(request.who, search))
    page = "agents_app/_crew_rows.html" if request.htmx else "agents_app/crews.html"  # type: ignore[attr-defined]
    return render(request, page, {"crews": found, "search": search})


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def new_crew(request: TeamRequest) -> HttpResponse:
    form = NameForm(request.POST or None)
    if form.is_valid():
        return _to_crew(request.who, actions.create_crew(request.who, name=form.cleaned_data["name"]))
    return render(request, "agents_app/new_crew.html", {"form": form}, status=422 if form.errors else 200)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def import_crew(request: TeamRequest) -> HttpResponse:
    """A POST shows what was understood; ``save_import`` below the preview makes the crew."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return render(request, "agents_app/import.html", {"form": form}, status=422 if form.errors else 200)
    texts = form.texts()
    imported = read_files(texts)
    context = {"form": ImportForm(initial={"source": "\n\n".join(texts.values())}), "imported": imported}
    if imported.spec is not None:
        context |= queries.preview(imported.spec) | graphs(imported.spec)
    return render(request, "agents_app/import.html", context, status=200 if imported.spec else 422)


@member(Role.EDITOR)
@require_POST
def save_import(request: TeamRequest) -> HttpResponse:
    form = SaveImportForm(request.POST)
    if not form.is_valid():
        return redirect("import_crew", team=request.who.team.slug)
    try:
        spec = CrewSpec.from_json(json.loads(form.cleaned_data["spec"]))
        made = actions.create_crew(request.who, name=form.cleaned_data["name"] or spec.name, spec=spec)
    except (ValueError, RecursionError, Refusal) as refusal:
        messages.error(request, _json_fault(refusal))
        return redirect("import_crew", team=request.who.team.slug)
    messages.success(request, f"“{made.name}” is imported.")
    return _to_crew(request.who, made)


@member(Role.VIEWER)
@require_GET
def crew(request: TeamRequest, slug: str) -> HttpResponse:
    return _page(request, fetch_crew(request.who, slug))


@member(Role.EDITOR)
@require_POST
def save_crew(request: TeamRequest, slug: str) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    spec = spec_of(found)
    form = editor.crew_form(found, spec, request.POST)
    return _saved(
        request, found, form, lambda edit: actions.save_crew(found, **edit, changes=form.spec(spec)), "settings"
    )


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def edit_agent(request: TeamRequest, slug: str, key: str | None = None) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    spec = spec_of(found)
    form = editor.agent_form(found, spec, key, request.POST or None)
    if request.method == "GET":
        return _opened(request, found, form, "agents_app/_agent_form.html")
    return _saved(
        request,
        found,
        form,
        lambda edit: actions.save_agent(found, **edit, key=key, spec=form.spec(spec.agent(key))),
        f"agent-{request.POST.get('key', '')}",
    )


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def edit_task(request: TeamRequest, slug: str, key: str | None = None) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    spec = spec_of(found)
    form = editor.task_form(found, spec, key, request.POST or None)
    if request.method == "GET":
        return _opened(request, found, form, "agents_app/_task_form.html")
    return _saved(
        request,
        found,
        form,
        lambda edit: actions.save_task(found, **edit, key=key, spec=form.spec(spec.task(key or ""))),
        f"task-{request.POST.get('key', '')}",
    )


@member(Role.EDITOR)
@require_POST
def delete_agent(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    return _edited(request, found, lambda edit: actions.delete_agent(found, **edit, key=key), "agents")


@member(Role.EDITOR)
@require_POST
def delete_task(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    return _edited(request, found, lambda edit: actions.delete_task(found, **edit, key=key), "tasks")


@member(Role.EDITOR)
@require_POST
def move_task(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    offset = -1 if request.POST.get("to") == "up" else 1
    return _edited(request, found, lambda edit: actions.move_task(found, **edit, key=key, offset=offset), f"task-{key}")


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def crew_as_json(request: TeamRequest, slug: str) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.VIEWER if request.method == "GET" else Role.EDITOR)
    text, error = request.POST.get("spec", ""), ""
    if request.method == "POST":
        try:
            actions.replace_spec(found, **_revision(request), spec=CrewSpec.from_json(json.loads(text)))
            messages.success(request, "The draft is replaced by this JSON.")
            return _to_crew(request.who, found)
        except (ValueError, RecursionError, Refusal) as refusal:
            error = _json_fault(refusal)
    text = text or json.dumps(spec_of(found).to_json(), indent=2, ensure_ascii=False)
    context = {"crew": found, "text": text, "error": error}
    return render(request, "agents_app/crew_json.html", context, status=422 if error else 200)


@member(Role.EDITOR)
@require_POST
def copy_crew(request: TeamRequest, slug: str) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    return _to_crew(request.who, actions.create_crew(request.who, name=f"{found.name[:190]} copy", spec=spec_of(found)))


@member(Role.EDITOR)
@require_POST
def archive_crew(request: TeamRequest, slug: str) -> HttpResponse:
    found = actions.archive_crew(fetch_crew(request.who, slug))
    messages.success(request, f"“{found.name}” is archived. Its runs and what they cost stay.")
    return redirect("crews", team=request.who.team.slug)


@member(Role.VIEWER)
@require_GET
def version(request: TeamRequest, slug: str, number: int) -> HttpResponse:
    found = fetch(CrewVersion, request.who, crew__slug=slug, number=number)
    spec = CrewSpec.from_json(found.spec)
    context = {"crew": found.crew, "version": found, "spec": spec, **graphs(spec)}
    return render(request, "agents_app/version.html", context)


def fetch_crew(who: Principal, slug: str, role: Role = Role.VIEWER) -> Crew:
    """A crew of the team's own that is not archived."""
    return fetch(Crew, who, role, slug=slug, archived_at=None, builtin_key="")


def graphs(spec: CrewSpec) -> dict[str, object]:
    """The drawn crew, for wide and for narrow screens."""
    return {"graph": layout(spec, width=WIDE), "narrow_graph": layout(spec, width=NARROW)}


def _page(request: TeamRequest, found: Crew, opened: EditForm | None = None) -> HttpResponse:
    """The crew's page; ``opened`` is the form to show at once: one that was asked for, or refused."""
    detail = queries.crew_detail(found)
    context: dict[str, Any] = {
        "crew": found,
        "detail": detail,
        "spec": detail.spec,
        "checklist": editor.checklist(found, detail.spec, detail.complaints),
        "models": editor.suggested_models(),
        **graphs(detail.spec),
    }
    if request.who.can_edit:
        context |= editor.page_forms(found, detail.spec, opened)
        editor.explain(opened or context["crew_form"], detail.complaints)
    return render(request, "agents_app/crew.html", context, status=422 if opened and opened.errors else 200)


def _opened(request: TeamRequest, found: Crew, form: EditForm, fragment: str) -> HttpResponse:
    """One form: as a fragment for the page that is open, or within the whole page."""
    if not request.htmx:  # type: ignore[attr-defined]
        return _page(request, found, form)
    editor.explain(form, queries.crew_detail(found).complaints)
    return render(request, fragment, {"crew": found, "form": form})


def _saved(
    request: TeamRequest, found: Crew, form: EditForm, action: Callable[[dict[str, int]], object], anchor: str
) -> HttpResponse:
    """Saves a form by the action, which is given the revision to start from; or shows it again with its complaints."""
    if form.is_valid():
        edit = {"expected_revision": form.cleaned_data["revision"]}
        if editor.done(form, lambda: action(edit), revision=found.revision):
            return _to_crew(request.who, found, anchor)
    return _page(request, found, form)


def _edited(request: TeamRequest, found: Crew, action: Callable[[dict[str, int]], object], anchor: str) -> HttpResponse:
    """An edit that is one button: its refusal is a message on the page it came from."""
    try:
        action(_revision(request))
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return _to_crew(request.who, found, anchor)


def _revision(request: TeamRequest) -> dict[str, int]:
    """The revision that the request starts from; 0, which no draft has, where it names none."""
    typed = request.POST.get("revision", "")
    return {"expected_revision": int(typed) if typed.isdecimal() and len(typed) < 10 else 0}


def _json_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10])
        return "This is not a crew yet. " + "; ".join(faults) + "."
    return f"This is not JSON: {error}." if isinstance(error, json.JSONDecodeError) else str(error)


def _to_crew(who: Principal, found: Crew, anchor: str = "") -> HttpResponse:
    address = reverse("crew", kwargs={"team": who.team.slug, "slug": found.slug})
    return redirect(f"{address}#{anchor}" if anchor else address)
