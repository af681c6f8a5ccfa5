"""Pages of crews: fetch through the gate, parse, call one action or query, render. Templates are in ``gallery``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents_app import actions, queries
from agents_app.crews.views import fetch_crew, to_crew
from agents_app.editor import page
from agents_app.editor.edit_form import EditForm
from agents_app.graph.layout import graphs
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from agents_app.spec_json import json_fault
from engine.spec.crew_spec import CrewSpec
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_GET
def crew(request: TeamRequest, slug: str) -> HttpResponse:
    return _page(request, fetch_crew(request.who, slug))


@member(Role.EDITOR)
@require_POST
def save_crew(request: TeamRequest, slug: str) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    spec = spec_of(found)
    form = page.crew_form(found, spec, request.POST)
    return _saved(
        request, found, form, lambda edit: actions.save_crew(found, **edit, changes=form.spec(spec)), "settings"
    )


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def edit_agent(request: TeamRequest, slug: str, key: str | None = None) -> HttpResponse:
    found = fetch_crew(request.who, slug)
    spec = spec_of(found)
    form = page.agent_form(found, spec, key, request.POST or None)
    if request.method == "GET":
        return _opened(request, found, form, "agents_app/editor/_agent_form.html")
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
    form = page.task_form(found, spec, key, request.POST or None)
    if request.method == "GET":
        return _opened(request, found, form, "agents_app/editor/_task_form.html")
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
            return to_crew(request.who, found)
        except (ValueError, RecursionError, Refusal) as refusal:
            error = json_fault(refusal)
    text = text or json.dumps(spec_of(found).to_json(), indent=2, ensure_ascii=False)
    context = {"crew": found, "text": text, "error": error}
    return render(request, "agents_app/editor/crew_json.html", context, status=422 if error else 200)


def _page(request: TeamRequest, found: Crew, opened: EditForm | None = None) -> HttpResponse:
    """The crew's page; ``opened`` is the form to show at once: one that was asked for, or refused."""
    detail = queries.crew_detail(found)
    context: dict[str, Any] = {
        "crew": found,
        "detail": detail,
        "spec": detail.spec,
        "checklist": page.checklist(found, detail.spec, detail.complaints),
        "models": page.suggested_models(),
        **graphs(detail.spec),
    }
    if request.who.can_edit:
        context |= page.page_forms(found, detail.spec, opened)
        page.explain(opened or context["crew_form"], detail.complaints)
    return render(request, "agents_app/editor/crew.html", context, status=422 if opened and opened.errors else 200)


def _opened(request: TeamRequest, found: Crew, form: EditForm, fragment: str) -> HttpResponse:
    """One form: as a fragment for the page that is open, or within the whole page."""
    if not request.htmx:
        return _page(request, found, form)
    page.explain(form, queries.crew_detail(found).complaints)
    return render(request, fragment, {"crew": found, "form": form})


def _saved(
    request: TeamRequest, found: Crew, form: EditForm, action: Callable[[dict[str, int]], object], anchor: str
) -> HttpResponse:
    """Saves a form by the action, which is given the revision to start from; or shows it again with its complaints."""
    if form.is_valid():
        edit = {"expected_revision": form.cleaned_data["revision"]}
        if page.done(form, lambda: action(edit), revision=found.revision):
            return to_crew(request.who, found, anchor)
    return _page(request, found, form)


def _edited(request: TeamRequest, found: Crew, action: Callable[[dict[str, int]], object], anchor: str) -> HttpResponse:
    """An edit that is one button: its refusal is a message on the page it came from."""
    try:
        action(_revision(request))
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return to_crew(request.who, found, anchor)


def _revision(request: TeamRequest) -> dict[str, int]:
    """The revision that the request starts from; 0, which no draft has, where it names none."""
    typed = request.POST.get("revision", "")
    return {"expected_revision": int(typed) if typed.isdecimal() and len(typed) < 10 else 0}
