"""A launch and its result in the manner of small job servers, for clients that were written for one.

Such a client posts its request to ``<address>/analyze``, and asks ``<address>/results/<job id>`` until the status is
``completed`` or ``failed``. With ``/api/v1/crews/<slug>`` as its address it needs nothing else but a token.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ninja import Router
from pydantic import ConfigDict, Field

from agents_app.models import Crew
from agents_app.queries import own_crew
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import input_texts, placeholders
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.launch.queries import launched_run
from runs.launch.schemas import JobOut, JobResult, JobStatus
from runs.models import Run
from runs.states import Priority, RunState
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import key_of
from teams.api.request_body import Strict
from teams.models import Role
from teams.refusals import Invalid
from teams.texts.times import time_text

router = Router(tags=["jobs"])

STATUS: dict[str, JobStatus] = {
    RunState.QUEUED: "queued",
    RunState.RUNNING: "processing",
    RunState.WAITING: "processing",
    RunState.SUCCEEDED: "completed",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "failed",
}


class JobIn(Strict):
    """The crew's inputs as fields of their own, of any kind; what is null is not given. A field that is no input goes
    to the one input whose name ends in it, as `keywords` does to `target_keywords`."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    priority: Any = Field("normal", description="`low`, `normal` or `high`, unless the crew has an input of this name")


@router.post("/{slug:slug}/analyze", response={200: JobOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def start_job(request: ApiRequest, slug: str, body: JobIn) -> dict[str, object]:
    """Queues a run of the draft, for clients of the job pattern. With an ``Idempotency-Key`` header a repeated request
    gives the same job."""
    crew = own_crew(request.auth, slug, Role.RUNNER)
    order = _order(crew, body.model_dump())
    run = launch(request.auth, crew, order, idempotency_key=key_of(request), api_token=request.api_token)
    done_at = launched_run(run).estimated_completion
    return {
        "job_id": run.pk,
        "status": STATUS[run.state],
        "created_at": time_text(run.created_at),
        "estimated_completion": None if done_at is None else time_text(done_at),
    }


@router.get(
    "/{slug:slug}/results/{uuid:job_id}",
    response={200: JobResult, **ERRORS},
    auth=Bearer(Role.VIEWER),
    exclude_none=True,
)
def get_job(request: ApiRequest, slug: str, job_id: UUID) -> dict[str, object]:
    """How a job stands, for clients of the job pattern, and its result or its error."""
    crew = own_crew(request.auth, slug)
    run = fetch(Run, request.auth, crew=crew, pk=job_id)
    status = STATUS[run.state]
    answer: dict[str, object] = {
        "status": status,
        "request": {"priority": run.priority, **run.inputs},
        "created_at": time_text(run.created_at),
    }
    if status == "completed":
        answer |= {"completed_at": time_text(run.finished_at), "result": _result(run)}
    elif status == "failed":
        answer["error"] = run.error or "The run was cancelled."
    return answer


def _order(crew: Crew, sent: Mapping[str, Any]) -> LaunchOrder:
    """Raises ``Invalid`` for a priority that there is not."""
    spec = spec_of(crew)
    fields = {name: value for name, value in sent.items() if name != "priority"}
    if "priority" in placeholders(spec):
        return LaunchOrder(inputs=_inputs(spec, sent))
    priority = sent["priority"] if sent["priority"] is not None else Priority.NORMAL
    if not isinstance(priority, str):
        raise Invalid("The job was not begun.", fields={"priority": f"Choose one of {', '.join(Priority.values)}."})
    return LaunchOrder(inputs=_inputs(spec, fields), priority=priority)


def _inputs(spec: CrewSpec, sent: Mapping[str, Any]) -> dict[str, str]:
    """The crew's inputs, with what goes by another name under its own."""
    inputs = input_texts(sent)
    taken = placeholders(spec)
    ending_in: dict[str, list[str]] = {}
    for name in taken:
        for end in (name[at + 1 :] for at, sign in enumerate(name) if sign == "_"):
            if end in inputs and end not in taken:
                ending_in.setdefault(end, []).append(name)
    for end in [name for name in inputs if name in ending_in]:
        longer = [name for name in ending_in[end] if name not in inputs]
        if len(longer) == 1:
            inputs[longer[0]] = inputs.pop(end)
    return inputs


def _result(run: Run) -> dict[str, object]:
    made_at = time_text(run.finished_at)
    return {"content": run.output_raw, "metadata": {"generated_at": made_at, **run.inputs}}
