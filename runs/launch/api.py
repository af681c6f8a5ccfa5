"""The API's operation that launches a crew. The rules are those of the page."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ninja import Router, Schema, Status
from pydantic import Field

from agents_app.models import Crew, CrewVersion
from engine.record.limits import RunLimits
from engine.spec.placeholders import input_text
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Run
from runs.money import usd_text
from runs.run.answers import run_url
from runs.run.estimates import Estimate, estimate
from teams.access import fetch
from teams.bearer import ApiRequest, Bearer
from teams.error_body import ERRORS
from teams.models import Role
from teams.request_body import Strict
from teams.times import time_text


class LaunchIn(Strict):
    inputs: dict[str, Any] = Field(default_factory=dict, description="a value for each placeholder")
    version: int | None = Field(None, ge=1, description="null launches the draft as it stands")
    budget_usd: Decimal | None = Field(None, description="the run stops before it would spend more")
    max_calls: int | None = Field(None, description="the run stops before it would make more model requests")
    max_tokens: int | None = Field(None, description="the run stops at the request after so many tokens")
    max_seconds: int | None = Field(None, description="the run makes no further request after so many seconds")
    priority: str = "normal"
    at_limit: str | None = Field(
        None, description="at a budget: pause, stop, or fallback to a cheaper model; null is the team's way"
    )
    metadata: dict[str, Any] = Field(default_factory=dict)


class Launched(Schema):
    id: UUID
    status: str
    created_at: str
    estimated_completion: str | None
    estimated_cost_usd: str | None
    url: str


router = Router(tags=["runs"])


@router.post("/{slug:slug}/runs", response={202: Launched, **ERRORS}, auth=Bearer(Role.RUNNER))
def launch_run(request: ApiRequest, slug: str, body: LaunchIn) -> Status[dict[str, Any]]:
    """Queues a run. With an ``Idempotency-Key`` header a repeated request gives the same run."""
    crew = fetch(Crew, request.auth, Role.RUNNER, slug=slug, archived_at=None)
    version = fetch(CrewVersion, request.auth, crew=crew, number=body.version) if body.version else None
    order = LaunchOrder(
        inputs={name: input_text(value) for name, value in body.inputs.items()},
        version=version,
        budget_usd=body.budget_usd,
        limits=RunLimits(max_calls=body.max_calls, max_tokens=body.max_tokens, max_seconds=body.max_seconds),
        priority=body.priority,
        at_limit=body.at_limit,
        metadata=body.metadata,
    )
    key = request.headers.get("Idempotency-Key")
    run = launch(request.auth, crew, order, idempotency_key=key, api_token=request.api_token)
    return Status(202, launch_json(run, estimate(run)))


def launch_json(run: Run, estimate: Estimate | None) -> dict[str, Any]:
    """What a launch answers. Without a history of this crew there is no honest estimate: both are null."""
    ends_at = None if estimate is None else run.created_at + timedelta(seconds=estimate.seconds)
    return {
        "id": run.pk,
        "status": run.state,
        "created_at": time_text(run.created_at),
        "estimated_completion": time_text(ends_at),
        "estimated_cost_usd": estimate and usd_text(estimate.cost_nusd),
        "url": run_url(run),
    }
