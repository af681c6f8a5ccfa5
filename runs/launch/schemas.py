"""What the API takes and answers at a launch. ``Launched`` is made of ``queries.LaunchedRun``."""

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from runs.addresses import run_url
from runs.api_fields import TimeText, TimeTextOrNull, UsdTextOrNull
from runs.launch.queries import LaunchedRun
from runs.states import Priority, RunState
from teams.api.request_body import Strict
from teams.models import AtLimit


class LaunchIn(Strict):
    """Null bounds are the team's caps (``GET /limits``). More than a cap is refused."""

    inputs: dict[str, Any] = Field(
        default_factory=dict, description="a value for each placeholder; what is null is not given"
    )
    version: StrictInt | None = Field(None, ge=1, description="null launches the draft as it stands")
    budget_usd: Decimal | None = Field(None, description="the run stops before it would spend more")
    max_calls: StrictInt | None = Field(None, description="the run stops before it would make more model requests")
    max_tokens: StrictInt | None = Field(None, description="the run stops at the request after so many tokens")
    max_seconds: StrictInt | None = Field(None, description="the run makes no further request after so many seconds")
    priority: Priority = Priority.NORMAL
    at_limit: AtLimit | None = Field(None, description="what the run does at a budget; null is the team's way")
    accept_unpriced: StrictBool = Field(
        False, description="budgets need not hold back calls of models whose price nobody knows; else it is refused"
    )
    metadata: dict[str, Any] = Field(default_factory=dict)


class Launched(Schema):
    id: UUID = Field(validation_alias="run.pk")
    status: RunState = Field(validation_alias="run.state")
    created_at: TimeText = Field(validation_alias="run.created_at")
    estimated_completion: TimeTextOrNull
    estimated_cost_usd: UsdTextOrNull = Field(validation_alias="estimated_cost_nusd")
    url: str
    warnings: list[str] = Field(description="inputs that no text uses, and what looks like an input and is none")

    @staticmethod
    def resolve_url(launched: LaunchedRun) -> str:
        return run_url(launched.run)


JobStatus = Literal["queued", "processing", "completed", "failed"]


class JobOut(Schema):
    """A run, for clients that know jobs."""

    job_id: UUID
    status: JobStatus
    created_at: str
    estimated_completion: str | None = Field(description="null for a crew that has not run yet")


class JobContent(Schema):
    content: str = Field(description="the run's output as text")
    metadata: dict[str, Any] = Field(description="`generated_at`, and the inputs")


class JobResult(Schema):
    """What is not there is left out: `result` and `completed_at` come with `completed`, `error` with `failed`."""

    status: JobStatus
    request: dict[str, Any] = Field(description="the inputs, and the priority")
    created_at: str
    completed_at: str | None = None
    result: JobContent | None = None
    error: str | None = None
