"""What the API answers about how the application runs. ``OperationsOut`` is made of ``queries.Operations``."""

from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import BeforeValidator, Field

from runs.api_fields import TextOrNull, TimeText, null_for_empty
from runs.operations.queries import Operations


def _to_tenths(seconds: float) -> float:
    return round(seconds, 1)


ReasonOrNull = Annotated[Literal["expired", "frozen", "idle", "open_calls"] | None, BeforeValidator(null_for_empty)]
Tenths = Annotated[float, BeforeValidator(_to_tenths)]
"""Seconds, rounded to tenths."""


class RunLineOut(Schema):
    id: UUID
    team: str
    crew: TextOrNull = Field(description="null where the run is another team's")
    simulated: bool
    worker: TextOrNull
    seconds: Tenths = Field(description="since it began or, of a stuck one, since it is stuck")
    reason: ReasonOrNull = Field(description="of a stuck one")


class WorkerOut(Schema):
    name: str
    state: Literal["ready", "stopping", "frozen", "lost"] = Field(
        description="frozen if its event loop stands still, lost if it has not been seen for 30 s"
    )
    started_at: TimeText
    last_seen_s: Tenths = Field(validation_alias="seen_s", description="seconds since it last said something")
    capacity: int = Field(description="runs that it may hold at once")
    holding: int = Field(description="runs that it holds, of all teams")


class QueueOut(Schema):
    oldest_s: float | None = Field(
        validation_alias="oldest_queued_s",
        description="age of the oldest run that waits for a worker; null if none does",
    )
    kept_back: int = Field(description="queued runs whose teams have as many under way as their runs_at_once allows")
    wait_p50_s: float | None = Field(description="from launch to claim, of runs begun in the last hour")
    wait_p95_s: float | None
    begun_last_hour: int


class OperationsOut(Schema):
    scope: Literal["team", "installation"] = Field(description="installation for staff")
    read_at: TimeText
    states: dict[str, int] = Field(description="live ones as they stand, ended ones of the last 24 hours")
    queue: QueueOut
    waiting_for: dict[str, int]
    running: list[RunLineOut] = Field(description="at most 50, the longest first")
    stuck: dict[str, int] = Field(description="by reason: expired, frozen, idle, open_calls")
    stuck_runs: list[RunLineOut]
    workers: list[WorkerOut] = Field(description="the installation's, whosever runs they hold")

    @staticmethod
    def resolve_scope(now: Operations) -> str:
        return "installation" if now.whole else "team"

    @staticmethod
    def resolve_queue(now: Operations) -> Operations:
        return now
