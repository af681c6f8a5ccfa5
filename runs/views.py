"""Pages of runs: launch, live page, detail, history. Fetch through the gate, call one action or query, render."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents_app.graph import layout
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.spec import CrewSpec
from engine.validate import validate
from runs import actions, queries
from runs.forms import LaunchForm
from runs.live import changes
from runs.models import Call, Run
from runs.runtime import TeamCredentials
from runs.timeline import timeline
from teams.access import Principal, TeamRequest, fetch, member
from teams.models import Role
from teams.refusals import Refusal
from teams.views import show_refusal

PAGE = 50


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def launch(request: TeamRequest, slug: str) -> HttpResponse:
    crew = fetch(Crew, request.who, Role.RUNNER, slug=slug, archived_at=None)
    version = _version(request, crew)
    spec = CrewSpec.from_json(version.spec) if version else spec_of(crew)
    form = _launch_form(request, spec)
    if form.is_valid():
        try:
            run = actions.launch(request.who, crew, form.order(version), idempotency_key=form.cleaned_data["key"])
            return redirect("run", team=request.who.team.slug, run_id=run.pk)
        except Refusal as refusal:
            show_refusal(form, refusal)
    context = {
        "crew": crew,
        "version": version,
        "versions": crew.versions.order_by("-number")[:50],
        "spec": spec,
        "form": form,
        "errors": [complaint for complaint in validate(spec) if complaint.level == "error"],
        "estimates": [(kind, queries.estimate_of(crew.pk, simulated=kind)) for kind in (False, True)],
        "needs_search_key": _needs_search_key(request.who, spec),
    }
    return render(request, "runs/launch.html", context, status=422 if form.errors else 200)


@member(Role.VIEWER)
@require_GET
def chips(request: TeamRequest, slug: str) -> HttpResponse:
    """The last runs of one crew, for the crews list and the crew's page."""
    crew = fetch(Crew, request.who, slug=slug)
    last = queries.last_runs(request.who, [crew.pk])[crew.pk]
    return render(request, "runs/_chips.html", {"runs": last, "crew": crew})


@member(Role.VIEWER)
@require_GET
def runs(request: TeamRequest) -> HttpResponse:
    q, sort = request.GET.get("q", ""), request.GET.get("sort", "newest")
    context: dict[str, Any] = {"q": q, "sort": sort, "sorts": queries.SORTS, "page": None, "error": ""}
    try:
        run_filter = queries.RunFilter.parse(q)
        context["page"] = queries.list_runs(
            request.who, run_filter, sort=sort, cursor=request.GET.get("cursor", ""), limit=PAGE
        )
        context["filter"] = run_filter
    except Refusal as refusal:
        context["error"] = refusal.message
    context["counts"] = queries.state_counts(request.who)
    context["is_first_page"] = not request.GET.get("cursor")
    page = "runs/_rows.html" if request.htmx else "runs/runs.html"  # type: ignore[attr-defined]
    return render(request, page, context)


@member(Role.VIEWER)
@require_GET
def newer(request: TeamRequest) -> HttpResponse:
    """How many runs came since the list was read: a counter, so that the list does not jump under the pointer."""
    q, than = request.GET.get("q", ""), request.GET.get("than", "")
    try:
        count = queries.count_newer(request.who, queries.RunFilter.parse(q), than=than)
    except Refusal:
        count = 0
    return render(request, "runs/_newer.html", {"count": count, "q": q})


@member(Role.VIEWER)
@require_GET
def run(request: TeamRequest, run_id: UUID) -> HttpResponse:
    found = fetch(Run, request.who, pk=run_id)
    newer_run, older_run = queries.neighbours(request.who, found)
    context = live_context(found, request.who) | {"newer": newer_run, "older": older_run}
    return render(request, "runs/run.html", context)


@member(Role.VIEWER)
async def events(request: TeamRequest, run_id: UUID) -> StreamingHttpResponse:
    """Server-sent events for the run's page: the live part, rendered anew at each change, until the run ended."""
    found = await sync_to_async(fetch)(Run, request.who, pk=run_id)
    stream = _live_parts(found, request.who, request.headers.get("Last-Event-ID", ""))
    response = StreamingHttpResponse(stream, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


@member(Role.RUNNER)
@require_POST
def cancel(request: TeamRequest, run_id: UUID) -> HttpResponse:
    found = fetch(Run, request.who, Role.RUNNER, pk=run_id)
    try:
        actions.request_cancel(request.who, found)
    except Refusal as refusal:
        messages.info(request, refusal.message)
    return redirect("run", team=request.who.team.slug, run_id=run_id)


@member(Role.VIEWER)
@require_GET
def call(request: TeamRequest, run_id: UUID, call_id: UUID) -> HttpResponse:
    found = fetch(Call, request.who, pk=call_id, run_id=run_id)
    page = "runs/_call.html" if request.htmx else "runs/call.html"  # type: ignore[attr-defined]
    return render(request, page, {"call": found, "run": found.run})


def live_context(found: Run, who: Principal) -> dict[str, Any]:
    """Everything that the run's page shows, read in a fixed number of queries."""
    spec = CrewSpec.from_json(found.version.spec)
    calls = list(queries.calls_of(found))
    tasks = list(found.tasks.order_by("position"))
    return {
        "who": who,
        "run": found,
        "spec": spec,
        "tasks": tasks,
        "calls": calls,
        "agents": {agent.key: agent.role for agent in spec.agents},
        "by_agent": queries.usage_by(found, "agent"),
        "by_model": [row for row in queries.usage_by(found, "model") if row.key],
        "timeline": timeline(found, tasks, calls),
        "graph": layout(spec, width=620),
        "narrow_graph": layout(spec, width=340),
        "states": {task.key: task.state for task in tasks},
    }


async def _live_parts(found: Run, who: Principal, seen: str) -> AsyncIterator[str]:
    async for changed in changes(found.pk):
        if not changed:
            yield ": still here\n\n"
            continue
        found = await Run.objects.select_related("crew", "version", "team", "created_by").aget(pk=found.pk)
        if str(found.revision) == seen and not found.ended:
            continue
        seen = str(found.revision)
        html = await sync_to_async(_live_html)(found, who)
        yield f"id: {seen}\nevent: live\n{_data(html)}\n"
        if found.ended:
            yield "event: ended\ndata: the run ended\n\n"
            return


def _live_html(found: Run, who: Principal) -> str:
    return render_to_string("runs/_live.html", live_context(found, who))


def _data(text: str) -> str:
    return "".join(f"data: {line}\n" for line in text.replace("\r", "").split("\n"))


def _version(request: TeamRequest, crew: Crew) -> CrewVersion | None:
    number = request.POST.get("version") or request.GET.get("version") or ""
    if not number.isdigit():
        return None
    return fetch(CrewVersion, request.who, crew=crew, number=int(number))


def _launch_form(request: TeamRequest, spec: CrewSpec) -> LaunchForm:
    has_keys = TeamCredentials(request.who.team).any_model_key
    earlier: dict[str, str] = {}
    if source := request.GET.get("from"):
        try:
            earlier = fetch(Run, request.who, pk=UUID(source)).inputs
        except ValueError:
            earlier = {}
    initial = {"version": request.GET.get("version") or None}
    return LaunchForm(request.POST or None, spec=spec, has_keys=has_keys, earlier=earlier, initial=initial)


def _needs_search_key(who: Principal, spec: CrewSpec) -> bool:
    searches = any(tool.name == "web_search" for agent in spec.agents for tool in agent.tools)
    return searches and TeamCredentials(who.team).search_key() is None
