"""Pages of runs: launch, live page, detail, history. Fetch through the gate, call one action or query, render."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents_app.models import Crew
from runs import actions, limits, queries, run_page
from runs.call_tree import call_lines, calls_below, delegation_of
from runs.filters import RunFilter
from runs.forms import DecisionForm
from runs.history import history, narrowed
from runs.launching import launch_page
from runs.models import Call, Run, TaskRun
from runs.money_forms import ResumeForm
from runs.operations import REASONS, operations
from runs.states import BUDGETS
from teams.access import TeamRequest, fetch, member, sees_all, visible_to
from teams.models import Role
from teams.refusals import Conflict, Refusal, TooMany
from teams.views import show_refusal

CALLS_A_PAGE = 100
MAX_CREWS = 500


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def launch(request: TeamRequest, slug: str) -> HttpResponse:
    crew = fetch(Crew, request.who, Role.RUNNER, slug=slug, archived_at=None, builtin_key="")
    page = launch_page(request.who, crew, request.GET, request.POST or None)
    refused: Refusal | None = None
    if page.form.is_valid():
        key = page.form.cleaned_data["key"]
        try:
            run = actions.launch(request.who, crew, page.form.order(page.version), idempotency_key=key)
            return redirect("run", team=request.who.team.slug, run_id=run.pk)
        except Conflict:
            page.form.add_error(
                None, "This form was launched before, with other inputs. Launch again to make another run."
            )
            page.form.take_new_key()
        except Refusal as refusal:
            refused = refusal
            show_refusal(page.form, refusal)
    status = 200 if not page.form.errors else refused.status if refused else 422
    response = render(request, "runs/launch.html", {"page": page}, status=status)
    if isinstance(refused, TooMany):
        response["Retry-After"] = str(refused.retry_after_s)
    return response


@member(Role.VIEWER)
@require_GET
def runs(request: TeamRequest) -> HttpResponse:
    """Choices of the form beside the filter are written into the filter, so that one address holds all of it."""
    if "narrow" in request.GET:
        return redirect(f"{request.path}?{narrowed(request.GET)}")
    page = history(request.who, request.GET)
    return render(request, "runs/runs.html", {"page": page}, status=422 if page.error else 200)


@member(Role.VIEWER)
@require_GET
def newer(request: TeamRequest) -> HttpResponse:
    """How many runs came since the list was read: a counter, so that the list does not jump under the pointer."""
    q = request.GET.get("q", "")
    try:
        count = queries.count_newer(request.who, RunFilter.parse(q), than=request.GET.get("than", ""))
    except Refusal:
        count = 0
    return render(request, "runs/_newer.html", {"count": count, "q": q})


@member(Role.VIEWER)
@require_GET
def last_runs(request: TeamRequest) -> HttpResponse:
    """The last runs of the crews named, for the pages of the crews, which know nothing of runs."""
    crews = list(visible_to(request.who, Crew).filter(slug__in=request.GET.getlist("crew")[:MAX_CREWS]))
    last = queries.last_runs(request.who, [crew.pk for crew in crews], each=5 if "only" in request.GET else 3)
    context = {"last": [(crew, last[crew.pk]) for crew in crews], "only": "only" in request.GET}
    return render(request, "runs/_last_runs.html", context)


@member(Role.VIEWER)
@require_GET
def running_now(request: TeamRequest) -> HttpResponse:
    return render(request, "runs/_running_now.html", {"runs": queries.live_runs(request.who)})


@member(Role.VIEWER)
@require_GET
def workers(request: TeamRequest) -> HttpResponse:
    """Workers, queue and what is stuck. The same address gives the page and, to htmx, the part that is read anew."""
    whole = sees_all(request.who) and request.GET.get("scope") != "team"
    context = {"now": operations(request.who, whole=whole), "sees_all": sees_all(request.who), "reasons": REASONS}
    return render(request, "runs/_operations.html" if request.htmx else "runs/workers.html", context)  # type: ignore[attr-defined]


@member(Role.VIEWER)
@require_GET
def run(request: TeamRequest, run_id: UUID) -> HttpResponse:
    return _run_page(request, fetch(Run, request.who, pk=run_id))


@member(Role.VIEWER)
async def events(request: TeamRequest, run_id: UUID) -> StreamingHttpResponse:
    """The live parts of the run's page as server-sent events. ``seen`` is the revision that the page was drawn at."""
    await sync_to_async(fetch)(Run, request.who, pk=run_id)
    seen = request.headers.get("Last-Event-ID") or request.GET.get("seen", "")
    response = StreamingHttpResponse(run_page.events(run_id, request.who, seen=seen), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


@member(Role.RUNNER)
@require_POST
def cancel(request: TeamRequest, run_id: UUID) -> HttpResponse:
    try:
        actions.request_cancel(request.who, fetch(Run, request.who, pk=run_id))
    except Refusal as refusal:
        messages.info(request, refusal.message)
    return redirect("run", team=request.who.team.slug, run_id=run_id)


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def resume(request: TeamRequest, run_id: UUID) -> HttpResponse:
    """Lets a run that waits for a budget go on, with a larger one of its own if one was typed."""
    the_run = redirect("run", team=request.who.team.slug, run_id=run_id)
    found = fetch(Run, request.who, pk=run_id)
    form = ResumeForm(request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            limits.resume(request.who, found, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
            found.refresh_from_db()
            if found.waiting_for not in BUDGETS:  # it went on or ended meanwhile: there is no form to show it at
                messages.info(request, refusal.message)
                return the_run
    if request.method == "GET" or form.is_valid():  # the address of a refused one, opened anew
        return the_run
    return _run_page(request, found, resume=form)


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def review(request: TeamRequest, run_id: UUID, key: str, call_id: UUID | None = None) -> HttpResponse:
    """A person's word on what a task asks. A refused one is shown again with what was typed."""
    found = fetch(Run, request.who, pk=run_id)
    if request.method == "GET":  # the address of a refused one, opened anew
        return redirect("run", team=request.who.team.slug, run_id=run_id)
    form = DecisionForm(key, request.POST, call=str(call_id or ""))
    if form.is_valid():
        try:
            actions.decide(request.who, found, key, form.decision())
            return redirect("run", team=request.who.team.slug, run_id=run_id)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return _run_page(request, found, form)


@member(Role.VIEWER)
@require_GET
def output(request: TeamRequest, run_id: UUID) -> HttpResponse:
    found = fetch(Run, request.who, pk=run_id)
    return _download(found.output_raw, f"run-{found.pk}")


@member(Role.VIEWER)
@require_GET
def task(request: TeamRequest, run_id: UUID, key: str) -> HttpResponse:
    found = fetch(TaskRun, request.who, run_id=run_id, key=key)
    context: dict[str, Any] = {"task": found, "run": found.run}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "runs/_task.html", context)
    lines = call_lines(queries.calls_of_task(found))
    context |= {
        "lines": lines,
        "call_count": found.calls.count(),
        "reviews": found.reviews.select_related("decided_by", "call"),
    }
    return render(request, "runs/task.html", context | {"roles": _roles(found.run)})


@member(Role.VIEWER)
@require_GET
def task_output(request: TeamRequest, run_id: UUID, key: str) -> HttpResponse:
    found = fetch(TaskRun, request.who, run_id=run_id, key=key)
    return _download(found.output_raw, f"run-{run_id}-{found.key}")


@member(Role.VIEWER)
@require_GET
def calls(request: TeamRequest, run_id: UUID) -> HttpResponse:
    found = fetch(Run, request.who, pk=run_id)
    try:
        page = queries.page_of_calls(found, cursor=request.GET.get("cursor", ""), limit=CALLS_A_PAGE, whole=False)
    except Refusal:
        return redirect("run_calls", team=request.who.team.slug, run_id=run_id)
    context = {"run": found, "page": page, "lines": call_lines(page.items), "roles": _roles(found)}
    return render(request, "runs/calls.html", context)


@member(Role.VIEWER)
@require_GET
def call(request: TeamRequest, run_id: UUID, call_id: UUID) -> HttpResponse:
    found = fetch(Call, request.who, pk=call_id, run_id=run_id)
    before, after = queries.call_neighbours(found)
    around = {"before": before, "after": after, "above": delegation_of(found), "lines": calls_below(found)}
    return render(request, "runs/call.html", {"call": found, "run": found.run, "roles": _roles(found.run), **around})


def _run_page(
    request: TeamRequest, found: Run, refused: DecisionForm | None = None, resume: ResumeForm | None = None
) -> HttpResponse:
    newer_run, older_run = queries.neighbours(request.who, found)
    context = run_page.context(found, request.who, refused, resume) | {"newer": newer_run, "older": older_run}
    return render(request, "runs/run.html", context, status=422 if refused or resume else 200)


def _roles(found: Run) -> dict[str, str]:
    """What the run's agents are, by their keys."""
    return {agent["key"]: agent["role"] for agent in found.version.spec.get("agents", ())}


def _download(text: str, name: str) -> HttpResponse:
    """The text as a file: never shown by the browser as anything that it may pretend to be."""
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.txt"'
    return response
