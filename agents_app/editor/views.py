"""The crew page and its edits: fetch through the gate, parse, call one action or query, render."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents_app import actions, queries
from agents_app.crews.views import to_crew
from agents_app.editor import page
from agents_app.editor.forms.edit import EditForm
from agents_app.form_fields import whole_number
from agents_app.graph.layout import graphs
from agents_app.library.queries import links_of
from agents_app.models import Crew
from agents_app.queries import own_crew
from agents_app.snapshot import spec_of
from agents_app.spec_json import json_fault, typed_spec
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_GET
def crew(request: TeamRequest, slug: str) -> HttpResponse:
    return _page(request, own_crew(request.who, slug))


@member(Role.EDITOR)
@require_POST
def save_crew(request: TeamRequest, slug: str) -> HttpResponse:
    crew = own_crew(request.who, slug)
    spec = spec_of(crew)
    form = page.crew_form(crew, spec, request.POST)
    return _saved(
        request,
        crew,
        form,
        lambda edit: actions.save_crew(request.who, crew, **edit, changes=form.spec(spec)),
        "settings",
    )


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def edit_agent(request: TeamRequest, slug: str, key: str | None = None) -> HttpResponse:
    crew = own_crew(request.who, slug)
    spec = spec_of(crew)
    form = page.agent_form(crew, spec, key, request.POST or None)
    if request.method == "GET":
        return _opened(request, crew, form, "agents_app/editor/_agent_form.html")
    return _saved(
        request,
        crew,
        form,
        lambda edit: actions.save_agent(request.who, crew, **edit, key=key, spec=form.spec(spec.agent(key))),
        f"agent-{request.POST.get('key', '')}",
    )


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def edit_task(request: TeamRequest, slug: str, key: str | None = None) -> HttpResponse:
    crew = own_crew(request.who, slug)
    spec = spec_of(crew)
    form = page.task_form(crew, spec, key, request.POST or None)
    if request.method == "GET":
        return _opened(request, crew, form, "agents_app/editor/_task_form.html")
    return _saved(
        request,
        crew,
        form,
        lambda edit: actions.save_task(request.who, crew, **edit, key=key, spec=form.spec(spec.task(key or ""))),
        f"task-{request.POST.get('key', '')}",
    )


@member(Role.EDITOR)
@require_POST
def delete_agent(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    crew = own_crew(request.who, slug)
    return _edited(request, crew, lambda edit: actions.delete_agent(request.who, crew, **edit, key=key), "agents")


@member(Role.EDITOR)
@require_POST
def delete_task(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    crew = own_crew(request.who, slug)
    return _edited(request, crew, lambda edit: actions.delete_task(request.who, crew, **edit, key=key), "tasks")


@member(Role.EDITOR)
@require_POST
def move_task(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    crew = own_crew(request.who, slug)
    offset = -1 if request.POST.get("to") == "up" else 1
    who, anchor = request.who, f"task-{key}"
    return _edited(request, crew, lambda edit: actions.move_task(who, crew, **edit, key=key, offset=offset), anchor)


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def crew_as_json(request: TeamRequest, slug: str) -> HttpResponse:
    crew = own_crew(request.who, slug, Role.VIEWER if request.method == "GET" else Role.EDITOR)
    text, error = request.POST.get("spec", ""), ""
    if request.method == "POST":
        try:
            actions.replace_spec(request.who, crew, **_revision(request), spec=typed_spec(text))
            messages.success(request, "The draft is replaced by this JSON.")
            return to_crew(request.who, crew)
        except (ValueError, Refusal) as refusal:
            error = json_fault(refusal)
    text = text or json.dumps(spec_of(crew).to_json(), indent=2, ensure_ascii=False)
    context = {"crew": crew, "text": text, "error": error, "is_linked": crew.library_links.exists()}
    return render(request, "agents_app/editor/crew_json.html", context, status=422 if error else 200)


def _page(request: TeamRequest, crew: Crew, opened: EditForm | None = None) -> HttpResponse:
    """The crew's page. ``opened`` is the form to show open: one that was asked for, or one that was refused."""
    detail = queries.crew_detail(crew)
    links = links_of(crew, detail.spec)
    context: dict[str, Any] = {
        "crew": crew,
        "links": links.values(),
        "offers": [linked for linked in links.values() if linked.has_offer],
        "detail": detail,
        "spec": detail.spec,
        "checklist": page.checklist(crew, detail.spec, detail.complaints),
        "models": page.suggested_models(crew.team),
        **graphs(detail.spec),
    }
    if request.who.can_edit:
        context |= page.page_forms(crew, detail.spec, opened, links)
        page.explain(opened or context["crew_form"], detail.complaints)
    return render(request, "agents_app/editor/crew.html", context, status=422 if opened and opened.errors else 200)


def _opened(request: TeamRequest, crew: Crew, form: EditForm, fragment: str) -> HttpResponse:
    """One form: as a fragment for the open page, or within the whole page."""
    if not request.htmx:
        return _page(request, crew, form)
    page.explain(form, queries.crew_detail(crew).complaints)
    return render(request, fragment, {"crew": crew, "form": form})


def _saved(
    request: TeamRequest, crew: Crew, form: EditForm, action: Callable[[dict[str, int]], object], anchor: str
) -> HttpResponse:
    """Saves a form by the action, which gets the revision that the edit starts from; a refused form is shown again."""
    if form.is_valid():
        edit = {"expected_revision": form.cleaned_data["revision"]}
        if page.done(form, lambda: action(edit), revision=crew.revision):
            return to_crew(request.who, crew, anchor)
    return _page(request, crew, form)


def _edited(request: TeamRequest, crew: Crew, action: Callable[[dict[str, int]], object], anchor: str) -> HttpResponse:
    """An edit by one button. If it is refused, the page that it came from shows why."""
    try:
        action(_revision(request))
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return to_crew(request.who, crew, anchor)


def _revision(request: TeamRequest) -> dict[str, int]:
    """The revision that the edit starts from; 0, which no draft has, if the request names none."""
    return {"expected_revision": whole_number(request.POST, "revision")}
