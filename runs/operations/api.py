"""The API's operation on how the application runs: the figures of the page of workers."""

from typing import Any
from uuid import UUID

from ninja import Router, Schema
from pydantic import Field

from runs.operations.queries import Operations, RunLine, operations
from teams.access import sees_all
from teams.bearer import ApiRequest, Bearer
from teams.error_body import ERRORS
from teams.models import Role
from teams.refusals import Invalid
from teams.times import time_text

router = Router(tags=["operations"])

SCOPES = ("team", "installation")


class RunLineOut(Schema):
    id: UUID
    team: str
    crew: str | None = Field(description="null where the run is another team's")
    simulated: bool
    worker: str | None
    seconds: float = Field(description="since it began or, of a stuck one, since it is stuck")
    reason: str | None = Field(description="of a stuck one: expired, idle or open_calls")


class WorkerOut(Schema):
    name: str
    state: str = Field(description="ready, stopping, or lost if it has not been seen for 30 s")
    started_at: str
    last_seen_s: float = Field(description="seconds since it last said something")
    capacity: int = Field(description="runs that it may hold at once")
    holding: int = Field(description="runs that it holds, of all teams")


class QueueOut(Schema):
    oldest_s: float | None = Field(description="age of the oldest queued run; null if none is")
    wait_p50_s: float | None = Field(description="from launch to claim, of runs begun in the last hour")
    wait_p95_s: float | None
    begun_last_hour: int


class OperationsOut(Schema):
    scope: str = Field(description="team, or installation for staff")
    read_at: str
    states: dict[str, int] = Field(description="live ones as they stand, ended ones of the last 24 hours")
    queue: QueueOut
    waiting_for: dict[str, int]
    running: list[RunLineOut] = Field(description="at most 50, the longest first")
    stuck: dict[str, int] = Field(description="by reason: expired, idle, open_calls")
    stuck_runs: list[RunLineOut]
    workers: list[WorkerOut] = Field(description="the installation's, whosever runs they hold")


@router.get("", response={200: OperationsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_operations(request: ApiRequest, scope: str = "") -> dict[str, Any]:
    """How the application runs now: queue, runs in progress, stuck runs and workers. Figures are the token's team's;
    staff see the whole installation unless they ask for ``scope=team``."""
    if scope and scope not in SCOPES:
        raise Invalid("Unknown scope.", fields={"scope": f"Use one of {', '.join(SCOPES)}."})
    whole = scope == "installation" or (not scope and sees_all(request.auth))
    return operations_json(operations(request.auth, whole=whole))


def operations_json(now: Operations) -> dict[str, Any]:
    return {
        "scope": "installation" if now.whole else "team",
        "read_at": time_text(now.read_at),
        "states": now.states,
        "queue": {
            "oldest_s": now.oldest_queued_s,
            "wait_p50_s": now.wait_p50_s,
            "wait_p95_s": now.wait_p95_s,
            "begun_last_hour": now.begun_last_hour,
        },
        "waiting_for": now.waiting_for,
        "running": [_line_json(line) for line in now.running],
        "stuck": now.stuck,
        "stuck_runs": [_line_json(line) for line in now.stuck_runs],
        "workers": [
            {
                "name": worker.name,
                "state": worker.state,
                "started_at": time_text(worker.started_at),
                "last_seen_s": round(worker.seen_s, 1),
                "capacity": worker.capacity,
                "holding": worker.holding,
            }
            for worker in now.workers
        ],
    }


def _line_json(line: RunLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "team": line.team,
        "crew": line.crew or None,
        "simulated": line.simulated,
        "worker": line.worker or None,
        "seconds": round(line.seconds, 1),
        "reason": line.reason or None,
    }
