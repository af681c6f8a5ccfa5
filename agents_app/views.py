"""Pages of crews and templates: fetch through the gate, parse, call one action or query, render. No rule lives here."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from pydantic import ValidationError

from agents_app import actions, queries
from agents_app.formats import Imported, read
from agents_app.forms import AgentForm, CrewForm, ImportForm, NameForm, TaskForm, suggested_models
from agents_app.graph import layout
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.placeholders import placeholders
from engine.spec import CrewSpec
from engine.validate import validate
from teams.access import Principal, TeamRequest, fetch, member
from teams.models import Role
from teams.refusals import Refusal
from teams.views import show_refusal

WIDE, NARROW = 620, 340
MAX_DEFAULT_CHARS = 100_000


@member(Role.VIEWER)
@require_GET
def crews(request: TeamRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    found = list(queries.list_crews(request.who, search))
    page = "agents_app/_crew_rows.html" if request.htmx else "agents_app/crews.html"  # type: ignore[attr-defined]
    return render(request, page, {"crews": found, "search": search})


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def new_crew(request: TeamRequest) -> HttpResponse:
    form = NameForm(request.POST or None)
    if form.is_valid():
        made = actions.create_crew(request.who, name=form.cleaned_data["name"])
        return _to_crew(request.who, made)
    return render(request, "agents_app/new_crew.html", {"form": form})


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def import_crew(request: TeamRequest) -> HttpResponse:
    """A first POST shows what was understood; the button below the preview, ``save``, makes the crew."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return render(request, "agents_app/import.html", {"form": form})
    source, imported = _read(form)
    if imported.spec is not None and "save" in request.POST:
        made = actions.create_crew(
            request.who, name=form.cleaned_data["name"] or imported.spec.name, spec=imported.spec
        )
        messages.success(request, f"“{made.name}” is imported.")
        return _to_crew(request.who, made)
    form = ImportForm(initial={"name": form.cleaned_data["name"], "source": source})
    context = {"form": form, "imported": imported, "preview": _preview(imported), "lines": source.count("\n") + 1}
    return render(request, "agents_app/import.html", context)


@member(Role.VIEWER)
@require_GET
def crew(request: TeamRequest, slug: str) -> HttpResponse:
    return _editor(request, fetch_crew(request.who, slug))


@member(Role.EDITOR)
@require_POST
def save_crew(request: TeamRequest, slug: str) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.EDITOR)
    form, spec = CrewForm(request.POST), spec_of(found)
    if form.is_valid():
        names = placeholders(spec)
        typed = {name: request.POST.get(f"default.{name}", "")[:MAX_DEFAULT_CHARS] for name in names}
        defaults = {name: value for name, value in typed.items() if value}
        if _done(form, lambda: actions.save_crew(found, **_revision(form), changes=form.spec(spec, defaults))):
            return _to_crew(request.who, found, "settings")
    return _editor(request, found, crew_form=form)


@member(Role.EDITOR)
@require_POST
def save_agent(request: TeamRequest, slug: str, key: str | None = None) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.EDITOR)
    form, current = AgentForm(request.POST), spec_of(found).agent(key)
    if form.is_valid() and _done(
        form, lambda: actions.save_agent(found, **_revision(form), key=key, spec=form.spec(current))
    ):
        return _to_crew(request.who, found, f"agent-{form.cleaned_data['key']}")
    return _editor(request, found, agent_form=(key, form))


@member(Role.EDITOR)
@require_POST
def save_task(request: TeamRequest, slug: str, key: str | None = None) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.EDITOR)
    spec = spec_of(found)
    form, current = TaskForm(request.POST, crew_spec=spec, own_key=key), spec.task(key or "")
    if form.is_valid() and _done(
        form, lambda: actions.save_task(found, **_revision(form), key=key, spec=form.spec(current))
    ):
        return _to_crew(request.who, found, f"task-{form.cleaned_data['key']}")
    return _editor(request, found, task_form=(key, form))


@member(Role.EDITOR)
@require_POST
def delete_agent(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.EDITOR)
    return _edit(
        request, found, lambda revision: actions.delete_agent(found, expected_revision=revision, key=key), "agents"
    )


@member(Role.EDITOR)
@require_POST
def delete_task(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.EDITOR)
    return _edit(
        request, found, lambda revision: actions.delete_task(found, expected_revision=revision, key=key), "tasks"
    )


@member(Role.EDITOR)
@require_POST
def move_task(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.EDITOR)
    offset = -1 if request.POST.get("to") == "up" else 1
    return _edit(
        request,
        found,
        lambda revision: actions.move_task(found, expected_revision=revision, key=key, offset=offset),
        f"task-{key}",
    )


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def crew_as_json(request: TeamRequest, slug: str) -> HttpResponse:
    found = fetch_crew(request.who, slug, Role.VIEWER if request.method == "GET" else Role.EDITOR)
    text, error = request.POST.get("spec", ""), ""
    if request.method == "POST":
        try:
            spec = CrewSpec.from_json(json.loads(text))
            actions.replace_spec(found, expected_revision=int(request.POST.get("revision", "0") or 0), spec=spec)
            messages.success(request, "The crew is replaced by this JSON.")
            return _to_crew(request.who, found)
        except (ValueError, RecursionError, Refusal) as refusal:
            error = _json_fault(refusal)
    text = text or json.dumps(spec_of(found).to_json(), indent=2, ensure_ascii=False)
    context = {"crew": found, "text": text, "error": error, "revision": request.POST.get("revision", found.revision)}
    return render(request, "agents_app/crew_json.html", context, status=422 if error else 200)


@member(Role.EDITOR)
@require_POST
def copy_crew(request: TeamRequest, slug: str) -> HttpResponse:
    made = actions.copy_crew(request.who, fetch_crew(request.who, slug))
    messages.success(request, "This is a copy: change what you like, the first stays as it is.")
    return _to_crew(request.who, made)


@member(Role.EDITOR)
@require_POST
def archive_crew(request: TeamRequest, slug: str) -> HttpResponse:
    found = actions.archive_crew(fetch_crew(request.who, slug, Role.EDITOR))
    messages.success(request, f"“{found.name}” is archived. Its runs and what they cost stay.")
    return redirect("crews", team=request.who.team.slug)


@member(Role.VIEWER)
@require_GET
def version(request: TeamRequest, slug: str, number: int) -> HttpResponse:
    found = fetch(CrewVersion, request.who, crew__slug=slug, number=number)
    spec = CrewSpec.from_json(found.spec)
    context = {"crew": found.crew, "version": found, "spec": spec, **_graphs(spec)}
    return render(request, "agents_app/version.html", context)


@member(Role.VIEWER)
@require_GET
def templates(request: TeamRequest) -> HttpResponse:
    found = queries.list_templates(request.who)
    cards = [(template, layout(template.spec, width=300, compact=True)) for template in found]
    return render(request, "agents_app/templates.html", {"cards": cards})


@member(Role.VIEWER)
@require_GET
def template(request: TeamRequest, pk: int) -> HttpResponse:
    found = fetch(CrewVersion, request.who, pk=pk, shared_at__isnull=False)
    card = queries.as_template(found)
    return render(request, "agents_app/template.html", {"template": card, "spec": card.spec, **_graphs(card.spec)})


@member(Role.EDITOR)
@require_POST
def copy_template(request: TeamRequest, pk: int) -> HttpResponse:
    found = fetch(CrewVersion, request.who, Role.EDITOR, pk=pk, shared_at__isnull=False)
    made = actions.copy_template(request.who, found)
    if "try" in request.POST:
        return redirect("launch", team=request.who.team.slug, slug=made.slug)
    return _to_crew(request.who, made)


def fetch_crew(who: Principal, slug: str, role: Role = Role.VIEWER) -> Crew:
    """A crew of the team that is not archived."""
    found = fetch(Crew, who, role, slug=slug)
    if found.archived_at is not None:
        raise Http404("This crew was archived.")
    return found


def _editor(request: TeamRequest, found: Crew, **wrong: Any) -> HttpResponse:
    """The crew's page; ``wrong`` holds the one form that was refused, with what was typed."""
    detail = queries.crew_detail(found)
    spec = detail.spec
    agent_key, agent_form = wrong.get("agent_form", (None, None))
    task_key, task_form = wrong.get("task_form", (None, None))
    agent_forms = [
        (agent, agent_form if agent_form and agent_key == agent.key else _agent_form(found, agent))
        for agent in spec.agents
    ]
    task_forms = [
        (task, task_form if task_form and task_key == task.key else _task_form(found, spec, task))
        for task in spec.tasks
    ]
    context = {
        "crew": found,
        "detail": detail,
        "spec": spec,
        "crew_form": wrong.get("crew_form") or CrewForm(initial=dict(spec) | {"revision": found.revision}),
        "agent_forms": agent_forms,
        "task_forms": task_forms,
        "new_agent": agent_form if agent_form and agent_key is None else _new_agent(found, spec),
        "new_task": task_form if task_form and task_key is None else _new_task(found, spec),
        "versions": found.versions.order_by("-number")[:20],
        "models": suggested_models(),
        **_graphs(spec),
    }
    return render(request, "agents_app/crew.html", context, status=422 if wrong else 200)


def _agent_form(found: Crew, agent: Any) -> AgentForm:
    return AgentForm(
        initial=AgentForm.initial_of(agent, found.revision), prefix=None, auto_id=f"id_agent_{agent.key}_%s"
    )


def _task_form(found: Crew, spec: CrewSpec, task: Any) -> TaskForm:
    initial = TaskForm.initial_of(task, found.revision)
    return TaskForm(initial=initial, crew_spec=spec, own_key=task.key, auto_id=f"id_task_{task.key}_%s")


def _new_agent(found: Crew, spec: CrewSpec) -> AgentForm:
    key = _free_key("agent", {agent.key for agent in spec.agents})
    return AgentForm(initial={"revision": found.revision, "key": key}, auto_id="id_new_agent_%s")


def _new_task(found: Crew, spec: CrewSpec) -> TaskForm:
    initial = {"revision": found.revision, "key": _free_key("task", {task.key for task in spec.tasks})}
    return TaskForm(initial=initial, crew_spec=spec, auto_id="id_new_task_%s")


def _free_key(stem: str, taken: set[str]) -> str:
    return next(key for number in range(1, len(taken) + 2) if (key := f"{stem}_{number}") not in taken)


def _graphs(spec: CrewSpec) -> dict[str, object]:
    return {"graph": layout(spec, width=WIDE), "narrow_graph": layout(spec, width=NARROW)}


def _preview(imported: Imported) -> dict[str, object] | None:
    if imported.spec is None:
        return None
    return {
        "spec": imported.spec,
        "inputs": [(name, imported.spec.inputs.get(name, "")) for name in placeholders(imported.spec)],
        "complaints": validate(imported.spec),
        **_graphs(imported.spec),
    }


def _read(form: ImportForm) -> tuple[str, Imported]:
    upload = form.cleaned_data["file"]
    if upload is None:
        source: str = form.cleaned_data["source"]
        return source, read(source)
    source = upload.read(2_000_001).decode("utf-8-sig", "replace")
    return source, read(source, upload.name)


def _revision(form: Form) -> dict[str, int]:
    return {"expected_revision": form.cleaned_data["revision"]}


def _done(form: Form, action: Any) -> bool:
    """Whether the action went through; if not, its complaints are at the form's fields."""
    try:
        action()
    except Refusal as refusal:
        show_refusal(form, refusal)
    except ValidationError as error:
        for fault in error.errors():
            field = str(fault["loc"][0]) if fault["loc"] else ""
            form.add_error(
                {"llm": "model"}.get(field, field) if field in form.fields or field == "llm" else None, fault["msg"]
            )
    else:
        return True
    return False


def _edit(request: TeamRequest, found: Crew, action: Any, anchor: str) -> HttpResponse:
    """An edit that is one button: its refusal is a message on the page it came from."""
    try:
        action(int(request.POST.get("revision", "0") or 0))
    except (Refusal, ValueError) as refusal:
        messages.error(request, str(refusal))
    return _to_crew(request.who, found, anchor)


def _json_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10])
        return "This is not a crew yet. " + "; ".join(faults) + "."
    return f"This is not JSON: {error}." if isinstance(error, json.JSONDecodeError) else str(error)


def _to_crew(who: Principal, found: Crew, anchor: str = "") -> HttpResponse:
    address = reverse("crew", kwargs={"team": who.team.slug, "slug": found.slug})
    return redirect(f"{address}#{anchor}" if anchor else address)
