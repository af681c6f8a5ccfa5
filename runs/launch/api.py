"""The API's operations that launch a crew, or a run again. The rules are those of the page."""

from typing import Annotated
from uuid import UUID

from ninja import Query, Router, Status

from agents_app.models import Crew, CrewVersion
from agents_app.queries import own_crew
from engine.record.limits import RunLimits
from engine.spec.placeholders import input_texts
from runs.launch.actions import launch
from runs.launch.awaited import MAX_WAIT_S, result_within
from runs.launch.order import LaunchOrder, order_again
from runs.launch.queries import LaunchedRun, launched_run
from runs.launch.schemas import Launched, LaunchIn
from runs.models import Run
from runs.run.schemas import RunOut
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer, right_of
from teams.api.error_body import ERRORS
from teams.api.idempotency import key_of
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, revisions_named
from teams.api.later import Later
from teams.models import Role

router = Router(tags=["runs"])
runs_router = Router(tags=["runs"])


Wait = Annotated[
    int,
    Query(
        ge=0,
        le=MAX_WAIT_S,
        description="so many seconds are waited for the run's end: if it comes in time, the answer is 200 with the "
        "whole run, else 202 as without it",
    ),
]


@router.post(
    "/{slug:slug}/runs",
    response={200: RunOut, 202: Launched, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
    by_alias=True,
)
def launch_run(request: ApiRequest, slug: str, body: LaunchIn, wait: Wait = 0) -> Status[LaunchedRun] | Later:
    """Queues a run. With an ``Idempotency-Key`` header a repeated request gives the same run.

    ``If-Match`` is about the draft; a run of a ``version`` needs none. A wait ends with the connection; the run goes
    on. A server that has too much to wait for answers 202 at once."""
    crew = own_crew(request.auth, slug, Role.RUNNER)
    version = fetch(CrewVersion, request.auth, crew=crew, number=body.version) if body.version else None
    order = LaunchOrder(
        inputs=input_texts(body.inputs),
        version=version,
        budget_usd=body.budget_usd,
        limits=RunLimits(max_calls=body.max_calls, max_tokens=body.max_tokens, max_seconds=body.max_seconds),
        priority=body.priority,
        draft_revisions=revisions_named(request),
        at_limit=body.at_limit,
        accept_unpriced=body.accept_unpriced,
        metadata=body.metadata,
    )
    return _launched(request, _launch(request, crew, order), wait)


@runs_router.post(
    "/{uuid:run_id}/rerun",
    response={200: RunOut, 202: Launched, **ERRORS},
    auth=Bearer(Role.RUNNER),
    by_alias=True,
)
def rerun(request: ApiRequest, run_id: UUID, wait: Wait = 0) -> Status[LaunchedRun] | Later:
    """Launches the same version again, with the inputs, bounds, priority, labels and kind of an earlier run."""
    earlier = fetch(Run, request.auth, Role.RUNNER, pk=run_id, related=("crew", "version"))
    crew = own_crew(request.auth, earlier.crew.slug, Role.RUNNER)
    return _launched(request, _launch(request, crew, order_again(request.auth.team, earlier)), wait)


def _launch(request: ApiRequest, crew: Crew, order: LaunchOrder) -> Run:
    return launch(request.auth, crew, order, idempotency_key=key_of(request), api_token=request.api_token)


def _launched(request: ApiRequest, run: Run, wait: int) -> Status[LaunchedRun] | Later:
    if not wait:
        return Status(202, launched_run(run))
    right = right_of(request)
    answer = Launched.model_validate(launched_run(run)).model_dump(mode="json")
    return Later(answer, status=202, outcome=result_within(wait, run.pk, right))
