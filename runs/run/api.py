"""The API's operations on one run: read it, its calls and live events, cancel, resume, approve."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from ninja import Query, Router

from runs.limits.actions import resume
from runs.live.hub import changes
from runs.live.looks import share_look
from runs.live.messages import STILL_HERE, message, stream
from runs.models import Call, Run
from runs.paging import MAX_PAGE, Page
from runs.run import queries
from runs.run.actions import Decision, decide, pin, request_cancel, unpin
from runs.run.analysis import Analysis, analysis_of
from runs.run.findings.schemas import FindingsOut, FoundTexts
from runs.run.findings.texts import MAX_CHARS, Texts, search_texts
from runs.run.schemas import CallList, DecisionIn, ResumeIn, RunOut, RunSummary
from runs.typed_values import uuid_or_none
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer, right_of
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.models import Role
from teams.refusals import Invalid
from teams.rights import Right

router = Router(tags=["runs"])

Words = Annotated[
    str,
    Query(min_length=1, max_length=MAX_CHARS, description="as they stand, in any case of letters"),
]


@router.get("/{uuid:run_id}", response={200: RunOut, **ERRORS}, auth=Bearer(Role.VIEWER), by_alias=True)
def get_run(request: ApiRequest, response: HttpResponse, run_id: UUID) -> Run:
    """One run with its tasks, output and usage."""
    run = queries.with_tasks(fetch(Run, request.auth, pk=run_id))
    tagged(response, run.revision)
    return run


@router.get("/{uuid:run_id}/calls", response={200: CallList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_calls(request: ApiRequest, run_id: UUID, cursor: str = "", limit: int = 100) -> Page[Call]:
    """Every model request and tool call of a run in the order in which they began."""
    run = fetch(Run, request.auth, pk=run_id)
    return queries.page_of_calls(run, cursor=cursor, limit=max(1, min(limit, MAX_PAGE)))


@router.get("/{uuid:run_id}/findings", response={200: FindingsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_findings(request: ApiRequest, run_id: UUID) -> Analysis:
    """Where a run's time went, to the millisecond, what it waited for, and what was paid in it and gave nothing."""
    return analysis_of(fetch(Run, request.auth, pk=run_id, related=("version",)))


@router.get("/{uuid:run_id}/search", response={200: FoundTexts, **ERRORS}, auth=Bearer(Role.VIEWER))
def search_run_texts(request: ApiRequest, run_id: UUID, q: Words, cursor: str = "") -> Texts:
    """Calls of a run whose texts hold the words, in the order in which they began: messages, answers, reasoning,
    arguments, tools' outputs and errors. A page has at most 50 calls, and fewer where there is much text."""
    run = fetch(Run, request.auth, pk=run_id)
    after = uuid_or_none(cursor)
    if cursor and after is None:
        raise Invalid("This page is not there.", fields={"cursor": "Start from the first page."})
    return search_texts(run, q, after=after)


@router.post(
    "/{uuid:run_id}/cancel",
    response={200: RunSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def cancel_run(request: ApiRequest, run_id: UUID) -> Run:
    """Ends a queued run at once and asks a running one to stop."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    with unchanged(request, lambda: queries.locked_revision(run)):
        return request_cancel(request.auth, run)


@router.put(
    "/{uuid:run_id}/baseline",
    response={200: RunSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def pin_run(request: ApiRequest, run_id: UUID) -> Run:
    """Makes an ended run the baseline of its crew, for real or for simulated runs as it is one, in place of another."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    with unchanged(request, lambda: queries.locked_revision(run)):
        return pin(request.auth, run)


@router.delete(
    "/{uuid:run_id}/baseline",
    response={200: RunSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def unpin_run(request: ApiRequest, run_id: UUID) -> Run:
    """The run is its crew's baseline no longer, if it was."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    with unchanged(request, lambda: queries.locked_revision(run)):
        return unpin(request.auth, run)


@router.post(
    "/{uuid:run_id}/resume",
    response={200: RunSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def resume_run(request: ApiRequest, run_id: UUID, body: ResumeIn) -> Run:
    """Lets a run that waits for a budget go on, and gives it a new budget of its own; nothing is paid twice."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    with unchanged(request, lambda: queries.locked_revision(run)):
        return resume(request.auth, run, budget_usd=body.budget_usd)


@router.post(
    "/{uuid:run_id}/approve",
    response={200: RunSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def approve_task(request: ApiRequest, run_id: UUID, body: DecisionIn) -> JsonResponse:
    """Answers what a task asks a person: approves its answer or sends it back with a comment, allows a request or
    refuses it with a reason, or says whether a lost tool call was carried out. The run goes on. Repeat it safely with
    an ``Idempotency-Key`` header."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    decision = Decision(body.approved, body.comment, number=body.number, call=body.call, step=body.step)

    def answer() -> dict[str, Any]:
        with unchanged(request, lambda: queries.locked_revision(run)):
            decided = decide(request.auth, run, body.task, decision)
        return RunSummary.model_validate(decided).model_dump(mode="json")

    # The answer that is kept for a repeated request is JSON already: it is no row for the schema to read.
    return JsonResponse(once(request, answer), content_type="application/json; charset=utf-8")


@router.get("/{uuid:run_id}/events", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER))
def run_events(request: ApiRequest, run_id: UUID) -> StreamingHttpResponse:
    """Server-sent events of a run: the whole of it as JSON at every change, until it ended. Each event's id is the
    run's revision, so a client that comes back with ``Last-Event-ID`` gets the state it missed and nothing twice. The
    stream also ends once the token no longer works, or acts in another role."""
    run = fetch(Run, request.auth, pk=run_id)
    seen = request.headers.get("Last-Event-ID", "")
    right = right_of(request)
    return stream(_events(run.pk, right, seen))


async def _events(run_id: UUID, right: Right, seen: str) -> AsyncIterator[str]:
    async with aclosing(changes(run_id, right)) as notices:
        async for changed in notices:
            if not changed:
                yield STILL_HERE
                continue
            revision, ended, text = await share_look(("api", run_id), partial(_look, run_id))
            if revision != seen:
                seen = revision
                yield message("run", text, seen)
            if ended:
                return


def _look(run_id: UUID) -> tuple[str, bool, str]:
    """The run's revision, whether it has ended, and the whole of it as JSON."""
    run = Run.objects.get(pk=run_id)
    return str(run.revision), run.ended, RunOut.model_validate(queries.with_tasks(run)).model_dump_json(by_alias=True)
