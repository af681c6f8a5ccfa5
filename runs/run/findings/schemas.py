"""What the API answers about where a run's time and money went. While the run goes on, all of it is as of now."""

from typing import Literal

from ninja import Schema
from pydantic import Field

from runs.api_fields import TextOrNull, UsdText
from runs.run.findings.critical_path import Stretch

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
