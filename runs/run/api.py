"""The API's operations on one run: read it, its calls and live events, cancel, resume, approve."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from ninja import Router, Schema
from pydantic import Field

from runs.limits.actions import resume
from runs.live.hub import changes
from runs.models import Run
from runs.paging import MAX_PAGE
from runs.run import queries
from runs.run.actions import Decision, decide, request_cancel
from runs.run.answers import call_json, run_json, summary_json
from teams.access import fetch
from teams.bearer import ApiRequest, Bearer
from teams.error_body import ERRORS
from teams.idempotency import once
from teams.models import Role
from teams.request_body import Strict

router = Router(tags=["runs"])


class DecisionIn(Strict):
    task: str = Field(description="the key of the task that waits")
    approved: bool = Field(True, description="of a lost call: whether it was carried out; if not, it is made again")
    comment: str = Field("", description="what should be different, where an answer is sent back")
    number: int | None = Field(None, ge=0, description="which answer is meant; null is the one shown now")
    call: UUID | None = Field(None, description="which lost call is meant, where the question is about one")


class ResumeIn(Strict):
    budget_usd: Decimal | None = Field(None, description="the run's new budget; null tries with what there is")


class UsageOut(Schema):
    total_tokens: int
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    successful_requests: int
    cost_usd: str | None = Field(description="null if the price of some call is unknown")


class OutputOut(Schema):
    raw: str
    json_: Any = Field(None, alias="json")


class FailureOut(Schema):
    code: str
    message: str


class QuestionOut(Schema):
    about: str = Field(description="answer: is it good; call: was it carried out before its worker was lost")
    number: int | None = Field(description="which of the task's answers, from 0; null for a call")
    answer: str | None
    call: UUID | None
    tool: str | None
    arguments: str | None
    asked_at: str


class TaskOut(Schema):
    key: str
    name: str
    agent: str
    status: str
    started_at: str | None
    finished_at: str | None
    duration_ms: int | None
    output: OutputOut | None
    error: FailureOut | None
    questions: list[QuestionOut] = Field(description="what waits for a person; answer with POST /runs/{id}/approve")
    usage: UsageOut


class WaitOut(Schema):
    for_: str = Field(
        alias="for", description="queue, person, run_budget, team_budget, user_budget, rate_limit, retry or budget"
    )
    task: str | None = Field(description="the key of the task that waits; null for the run as a whole")
    until: str | None = Field(description="when it is looked at again, where that is known")
    ahead: int | None = Field(description="in the queue: how many of the team's runs come before it")


class TroublesOut(Schema):
    """What a run met besides its work, and what of its cost that is."""

    takeovers: int = Field(description="how often another worker took it over; nothing finished was paid again")
    retries: int
    refused_calls: int
    refused_usd: str
    unknown_calls: int = Field(description="calls of unknown outcome, booked at the most that they can have cost")
    unknown_usd: str
    late_calls: int = Field(description="paid, but answered to a worker that no longer held the run")
    late_usd: str
    corrected_calls: int = Field(description="calls of unknown outcome whose exact figure came later")
    over_booked_usd: str


class RunSummary(Schema):
    id: UUID
    crew: str
    version: int
    status: str
    waiting_for: str | None
    simulated: bool
    priority: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    duration_ms: int | None
    error: FailureOut | None
    usage: UsageOut
    url: str


class RunOut(RunSummary):
    waits: list[WaitOut]
    troubles: TroublesOut
    at_limit: str
    needs_usd: str | None = Field(description="what the call may cost that no budget covers, while it waits for one")
    inputs: dict[str, Any]
    metadata: dict[str, Any]
    budget_usd: str | None
    max_calls: int | None
    max_tokens: int | None
    max_seconds: int | None
    output: OutputOut | None
    tasks: list[TaskOut]


class CallOut(Schema):
    id: UUID
    task: str | None = Field(description="null for calls of the crew as a whole")
    agent: str
    branch: str = Field(description="3. for a co-worker's calls below the tool call at step 3; else empty")
    kind: str = Field(description="model, tool, or task for an output taken over from an earlier run")
    purpose: str
    cost_class: str
    model: str | None = Field(description="the model that was asked")
    model_answered: str | None
    credential: str | None = Field(description="the name of the provider key that was used")
    tool: str | None
    arguments: str | None
    tool_output: str | None
    status: str = Field(description="intent, ok, error, late or unknown")
    simulated: bool
    step: int
    attempt: int
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    total_tokens: int
    usage_estimated: bool
    cost_usd: str | None
    cache_hit: bool
    cache_age_s: float | None = Field(description="how old what was reused was")
    saved_usd: str | None = Field(description="what the reuse spared, where that is known")
    waited_ms: int = Field(description="how long it waited for its turn at the provider before it was made")
    started_at: str
    finished_at: str | None
    latency_ms: int | None
    ttft_ms: int | None
    finish_reason: str | None
    messages: list[dict[str, Any]]
    reply: dict[str, Any] | None
    error: FailureOut | None


class CallList(Schema):
    items: list[CallOut]
    next: str | None


@router.get("/{uuid:run_id}", response={200: RunOut, **ERRORS}, auth=Bearer(Role.VIEWER), by_alias=True)
def get_run(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    """One run with its tasks, output and usage."""
    return run_json(fetch(Run, request.auth, pk=run_id))


@router.get("/{uuid:run_id}/calls", response={200: CallList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_calls(request: ApiRequest, run_id: UUID, cursor: str = "", limit: int = 100) -> dict[str, Any]:
    """Every model request and tool call of a run in the order in which they began."""
    run = fetch(Run, request.auth, pk=run_id)
    page = queries.page_of_calls(run, cursor=cursor, limit=max(1, min(limit, MAX_PAGE)))
    return {"items": [call_json(call) for call in page.items], "next": page.next or None}


@router.post("/{uuid:run_id}/cancel", response={200: RunSummary, **ERRORS}, auth=Bearer(Role.RUNNER))
def cancel_run(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    """Ends a queued run at once and asks a running one to stop."""
    return summary_json(request_cancel(request.auth, fetch(Run, request.auth, Role.RUNNER, pk=run_id)))


@router.post("/{uuid:run_id}/resume", response={200: RunSummary, **ERRORS}, auth=Bearer(Role.RUNNER))
def resume_run(request: ApiRequest, run_id: UUID, body: ResumeIn) -> dict[str, Any]:
    """Lets a run that waits for a budget go on, and gives it a new budget of its own; nothing is paid twice."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    return summary_json(resume(request.auth, run, budget_usd=body.budget_usd))


@router.post("/{uuid:run_id}/approve", response={200: RunSummary, **ERRORS}, auth=Bearer(Role.RUNNER))
def approve_task(request: ApiRequest, run_id: UUID, body: DecisionIn) -> dict[str, Any]:
    """Answers what a task asks a person: approves its answer or sends it back with a comment, or says whether a lost
    tool call was carried out. The run goes on. Repeat it safely with an ``Idempotency-Key`` header."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    decision = Decision(body.approved, body.comment, number=body.number, call=body.call)

    def answer() -> dict[str, Any]:
        decided = decide(request.auth, run, body.task, decision)
        return RunSummary.model_validate(summary_json(decided)).model_dump(mode="json")

    return once(request, answer)


@router.get("/{uuid:run_id}/events", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER))
def run_events(request: ApiRequest, run_id: UUID) -> StreamingHttpResponse:
    """Server-sent events: the whole run as JSON at every change, until it ended. Each event's id is the run's revision,
    so a client that comes back with ``Last-Event-ID`` gets the state it missed and nothing twice."""
    run = fetch(Run, request.auth, pk=run_id)
    seen = request.headers.get("Last-Event-ID", "")
    response = StreamingHttpResponse(_events(run, seen), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(run: Run, seen: str) -> AsyncIterator[str]:
    async for changed in changes(run.pk):
        if not changed:
            yield ": still here\n\n"
            continue
        run = await Run.objects.aget(pk=run.pk)
        if str(run.revision) != seen:
            seen = str(run.revision)
            yield f"id: {seen}\nevent: run\ndata: {await sync_to_async(_run_text)(run)}\n\n"
        if run.ended:
            return


def _run_text(run: Run) -> str:
    return RunOut.model_validate(run_json(run)).model_dump_json(by_alias=True)
