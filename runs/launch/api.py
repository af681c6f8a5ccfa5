"""The API's operation that launches a crew. The rules are those of the page."""

from ninja import Router, Status

from agents_app.models import CrewVersion
from agents_app.queries import own_crew
from engine.record.limits import RunLimits
from engine.spec.placeholders import input_text
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.launch.queries import LaunchedRun, launched_run
from runs.launch.schemas import Launched, LaunchIn
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, revisions_named
from teams.models import Role

router = Router(tags=["runs"])


@router.post(
    "/{slug:slug}/runs",
    response={202: Launched, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def launch_run(request: ApiRequest, slug: str, body: LaunchIn) -> Status[LaunchedRun]:
    """Queues a run. With an ``Idempotency-Key`` header a repeated request gives the same run.

    ``If-Match`` is about the draft; a run of a ``version`` needs none."""
    crew = own_crew(request.auth, slug, Role.RUNNER)
    version = fetch(CrewVersion, request.auth, crew=crew, number=body.version) if body.version else None
    order = LaunchOrder(
        inputs={name: input_text(value) for name, value in body.inputs.items()},
        version=version,
        budget_usd=body.budget_usd,
        limits=RunLimits(max_calls=body.max_calls, max_tokens=body.max_tokens, max_seconds=body.max_seconds),
        priority=body.priority,
        draft_revisions=revisions_named(request),
        at_limit=body.at_limit,
        accept_unpriced=body.accept_unpriced,
        metadata=body.metadata,
    )
    key = request.headers.get("Idempotency-Key")
    run = launch(request.auth, crew, order, idempotency_key=key, api_token=request.api_token)
    return Status(202, launched_run(run))
