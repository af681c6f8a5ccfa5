"""What the API answers about where a run's time and money went. While the run goes on, all of it is as of now."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from engine.record.journal import CallKind
from runs.api_fields import TextOrNull, UsdText
from runs.run.findings.critical_path import Stretch
from runs.run.findings.texts import Found, Place

WallKind = Literal["queue", "models", "tools", "rate", "money", "people", "set_aside", "own"]
"""What a run's time goes to: ``wall.KINDS``."""


class WallPartOut(Schema):
    """One kind of time, in milliseconds."""

    kind: WallKind
    wall_ms: int = Field(description="of the time from launch to end; the parts sum to it")
    task_ms: int = Field(description="added up over tasks, as if they ran one after another")


class OnPathOut(Schema):
    task: TextOrNull = Field(description="the task's key; null while the run waited for no task")
    begins_ms: int = Field(description="after the run's first claim")
    ends_ms: int

    @staticmethod
    def resolve_begins_ms(stretch: Stretch) -> int:
        return round(stretch.start / 1000)

    @staticmethod
    def resolve_ends_ms(stretch: Stretch) -> int:
        return round(stretch.stop / 1000)


class WasteRowOut(Schema):
    """What was paid and gave nothing, for one reason."""

    reason: str
    calls: int
    usd: UsdText = Field(validation_alias="spent_nusd", description="without the calls of unknown price")
    unpriced_calls: int


class WasteOut(Schema):
    calls: int
    usd: UsdText = Field(validation_alias="spent_nusd", description="without the calls of unknown price")
    unpriced_calls: int
    reasons: list[WasteRowOut] = Field(validation_alias="rows")


# Made of an ``analysis.Analysis``.
class FindingsOut(Schema):
    """What the run's page says of its time and its waste. While it goes on, all of it is as of now."""

    wall_ms: int = Field(validation_alias="findings.wall_ms", description="from the launch to the end, or until now")
    parts: list[WallPartOut] = Field(validation_alias="findings.parts")
    at_once_ms: int = Field(
        validation_alias="findings.at_once_ms",
        description="the sum of task_ms and this is wall_ms: what ran at once, less gaps",
    )
    parallelism: float | None = Field(
        validation_alias="findings.at_once", description="how many tasks went on at once on average"
    )
    critical_path: list[OnPathOut] = Field(
        validation_alias="findings.path", description="what the run waited for, from its first claim to its end"
    )
    waste: WasteOut


class PlaceOut(Schema):
    what: Literal["answer", "reasoning", "tools", "arguments", "output", "error", "message"] = Field(
        description="`tools`: what the model asked tools for; `output`: what a tool gave"
    )
    number: int | None = Field(description="of a message, from 1")
    role: TextOrNull = Field(description="of a message")
    before: str = Field(description="some characters that stand before the words")
    match: str = Field(description="the words as they stand there")
    after: str

    @staticmethod
    def resolve_number(place: Place) -> int | None:
        return place.number or None


class FoundCall(Schema):
    call: UUID = Field(validation_alias="call.pk", description="its id, as in the run's calls")
    kind: CallKind = Field(validation_alias="call.kind")
    task: str | None
    agent: str = Field(validation_alias="call.agent")
    tool: TextOrNull = Field(validation_alias="call.tool")
    places: list[PlaceOut] = Field(description="the first three")
    more: int = Field(description="places in this call that are not among them")

    @staticmethod
    def resolve_task(found: Found) -> str | None:
        return None if found.call.task_run is None else found.call.task_run.key


class FoundTexts(Schema):
    items: list[FoundCall] = Field(validation_alias="found")
    searched: int = Field(description="calls that were looked through for this page")
    next: UUID | None = Field(
        validation_alias="after",
        description="null once all calls were looked through",
    )
