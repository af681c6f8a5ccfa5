"""Pages of one run, its tasks and its calls: fetch through the gate, call one action or query, render."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from runs.limits import actions as limits
from runs.live.messages import stream
from runs.models import Call, Run, TaskRun
from runs.run import page, queries
from runs.run.actions import decide, pin, request_cancel, unpin
from runs.run.call_cost import cost_of
from runs.run.call_tree import call_lines, calls_below, delegation_of
from runs.run.drawing.call_rows import call_rows
from runs.run.findings.texts import search_texts
from runs.run.forms import DecisionForm, ResumeForm
from runs.states import BUDGETS, WASTED, RunWaste
from runs.typed_values import uuid_or_none
from runs.words import PLACE_WORDS
from teams.access import TeamRequest, fetch, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal, with_retry_after
from teams.rights import right_of_session

CALLS_A_PAGE = 100


@member(Role.VIEWER)
@require_GET
def run(request: TeamRequest, run_id: UUID) -> HttpResponse:
    return _run_page(request, fetch(Run, request.who, related=("crew", "version", "created_by"), pk=run_id))


@member(Role.VIEWER)
@require_GET
def events(request: TeamRequest, run_id: UUID) -> StreamingHttpResponse:
    """The changing parts of the run's page as server-sent events. ``?seen=`` is the revision that the page shows."""
    fetch(Run, request.who, pk=run_id)
    seen = request.headers.get("Last-Event-ID") or request.GET.get("seen", "")
    return stream(page.events(run_id, request.who, right_of_session(request), seen=seen))


@member(Role.RUNNER)
@require_POST
def cancel(request: TeamRequest, run_id: UUID) -> HttpResponse:
    try:
        request_cancel(request.who, fetch(Run, request.who, pk=run_id))
    except Refusal as refusal:
        messages.info(request, refusal.message)
    return redirect("run", team=request.who.team.slug, run_id=run_id)


@member(Role.RUNNER)
@require_POST
def baseline(request: TeamRequest, run_id: UUID) -> HttpResponse:
    """Pins the run as its crew's baseline; with ``unpin``, it is that no longer."""
    act = unpin if "unpin" in request.POST else pin
    try:
        act(request.who, fetch(Run, request.who, pk=run_id))
    except Refusal as refusal:
        messages.info(request, refusal.message)
    return redirect("run", team=request.who.team.slug, run_id=run_id)


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def resume(request: TeamRequest, run_id: UUID) -> HttpResponse:
    """Lets a run that waits for a budget go on, with a larger one of its own if one was typed."""
    back = redirect("run", team=request.who.team.slug, run_id=run_id)
    run = fetch(Run, request.who, pk=run_id)
    form = ResumeForm(request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            limits.resume(request.who, run, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
            run.refresh_from_db()
            if run.waiting_for not in BUDGETS:  # it went on or ended meanwhile, so the page has no form for the refusal
                messages.info(request, refusal.message)
                return back
    if request.method == "GET" or form.is_valid():  # GET: somebody opens the address of a refused form anew
        return back
    return _run_page(request, run, resume=form)


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def review(request: TeamRequest, run_id: UUID, key: str, call_id: UUID | None = None, step: str = "") -> HttpResponse:
    """A person's decision on what a task asks. A refused form is shown again with what was typed."""
    run = fetch(Run, request.who, pk=run_id)
    if request.method == "GET":  # somebody opens the address of a refused form anew
        return redirect("run", team=request.who.team.slug, run_id=run_id)
    form = DecisionForm(key, request.POST, call=str(call_id or ""), step=step)
    if form.is_valid():
        try:
            decide(request.who, run, key, form.decision())
            return redirect("run", team=request.who.team.slug, run_id=run_id)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return _run_page(request, run, form)


@member(Role.VIEWER)
@require_GET
def output(request: TeamRequest, run_id: UUID) -> HttpResponse:
    run = fetch(Run, request.who, pk=run_id)
    return _download(run.output_raw, f"run-{run.pk}")


@member(Role.VIEWER)
@require_GET
def task(request: TeamRequest, run_id: UUID, key: str) -> HttpResponse:
    task_run = fetch(TaskRun, request.who, run_id=run_id, key=key)
    context: dict[str, Any] = {"task": task_run, "run": task_run.run}
    if request.htmx:
        return render(request, "runs/run/_task.html", context)
    calls = queries.calls_of_task(task_run)
    context |= {
        "rows": call_rows(request.who, task_run.run, call_lines(calls), _roles(task_run.run), of_task=True),
        "shown": len(calls),
        "call_count": task_run.calls.count(),
        "reviews": task_run.reviews.select_related("decided_by", "call"),
    }
    return render(request, "runs/run/task.html", context)


@member(Role.VIEWER)
@require_GET
def task_output(request: TeamRequest, run_id: UUID, key: str) -> HttpResponse:
    task_run = fetch(TaskRun, request.who, run_id=run_id, key=key)
    return _download(task_run.output_raw, f"run-{run_id}-{task_run.key}")


@member(Role.VIEWER)
@require_GET
def calls(request: TeamRequest, run_id: UUID) -> HttpResponse:
    run = fetch(Run, request.who, pk=run_id)
    waste = request.GET.get("waste", "")
    waste = waste if waste in (*WASTED, *RunWaste.values) else ""
    cursor = request.GET.get("cursor", "")
    try:
        page = queries.page_of_calls(run, cursor=cursor, limit=CALLS_A_PAGE, whole=False, waste=waste)
    except Refusal:
        return redirect("run_calls", team=request.who.team.slug, run_id=run_id)
    rows = call_rows(request.who, run, call_lines(page.items), _roles(run))
    context = {"run": run, "page": page, "rows": rows, "waste": waste}
    return render(request, "runs/run/calls.html", context)


@member(Role.VIEWER)
@require_GET
def search(request: TeamRequest, run_id: UUID) -> HttpResponse:
    """Words in the texts of all calls. What was typed stays, also where it is refused."""
    run = fetch(Run, request.who, pk=run_id)
    q = request.GET.get("q", "")
    context = {"run": run, "q": q, "roles": _roles(run), "place_words": PLACE_WORDS}
    try:
        texts = search_texts(run, q, after=uuid_or_none(request.GET.get("after", ""))) if "q" in request.GET else None
    except Refusal as refusal:
        context |= {"refusal": refusal.message}
        return with_retry_after(render(request, "runs/run/search.html", context, status=refusal.status), refusal)
    return render(request, "runs/run/search.html", context | {"texts": texts})


@member(Role.VIEWER)
@require_GET
def call(request: TeamRequest, run_id: UUID, call_id: UUID) -> HttpResponse:
    call = fetch(Call, request.who, pk=call_id, run_id=run_id)
    before, after = queries.call_neighbours(call)
    roles = _roles(call.run)
    below = calls_below(call)
    rows = call_rows(request.who, call.run, below, roles, of_task=True)
    around = {"before": before, "after": after, "above": delegation_of(call), "rows": rows, "below": len(below)}
    shown = {"call": call, "run": call.run, "roles": roles, "cost": cost_of(call)}
    return render(request, "runs/run/call.html", shown | around)


def _run_page(
    request: TeamRequest, run: Run, refused: DecisionForm | None = None, resume: ResumeForm | None = None
) -> HttpResponse:
    newer_run, older_run = queries.neighbours(request.who, run)
    bars = "money" if request.GET.get("bars") == "money" else "time"
    context = page.context(run, request.who, refused, resume) | {"newer": newer_run, "older": older_run, "bars": bars}
    return render(request, "runs/run/run.html", context, status=422 if refused or resume else 200)


def _roles(run: Run) -> dict[str, str]:
    """The roles of the run's agents, by their keys."""
    return {agent["key"]: agent["role"] for agent in run.version.spec.get("agents", ())}


def _download(text: str, name: str) -> HttpResponse:
    """The text as a file to save: a browser never shows it as the page or script that it may pretend to be."""
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.txt"'
    return response
