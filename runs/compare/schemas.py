"""What the API answers about a comparison. Money is decimal text, what is unknown is null."""

from __future__ import annotations

from typing import Literal

from ninja import Schema
from pydantic import Field

from runs.ratings.schemas import RatingMean


class UsageMean(Schema):
    """Tokens and requests of a run; of a group the mean run's."""

    total_tokens: float
    prompt_tokens: float
    cached_prompt_tokens: float
    completion_tokens: float
    reasoning_tokens: float
    successful_requests: float
    cost_usd: str | None = Field(description="null if the price of some call is unknown")


class IntervalOut(Schema):
    """Of the difference of the medians, or of mean ratings, other minus baseline; it holds the true one in 95 of 100
    cases."""

    low: str | int | float | None = Field(description="null: too few runs to tell")
    high: str | int | float | None
    clear: bool = Field(description="whether 0 lies outside")
    more_runs: int | None = Field(description="about how many more of each side would settle it, where that is known")


class SpreadOut(Schema):
    """Of a group: over its runs, those without unpriced calls for cost."""

    runs: int
    median: str | int
    p95: str | int
    interval: IntervalOut | None = Field(description="null for the baseline and beside single runs")


class RatingColumn(RatingMean):
    interval: IntervalOut | None = Field(description="null for the baseline and where one of the two has no rating")


class ColumnOut(Schema):
    id: str = Field(description="a run's id, crew@3, or a filter")
    label: str
    kind: Literal["run", "group"]
    runs: int
    simulated: bool
    cost_usd: str | None = Field(description="of a run; of a group the mean; null if no call's price is known")
    duration_ms: int | None = Field(description="from claim to end")
    total_ms: int | None = Field(description="from launch to end: what why_time splits")
    usage: UsageMean
    unpriced_calls: int = Field(description="calls without a known price, in all; they are in no sum")
    waste_usd: str
    rating: RatingColumn | None = Field(description="null without ratings")
    cost: SpreadOut | None
    duration: SpreadOut | None
    notes: list[str]


class CellOut(Schema):
    """A task on one side; of a group the mean run's."""

    key: str
    cost_usd: str
    unpriced_calls: int
    duration_ms: int | None
    prompt_tokens: int = Field(description="without those read from or written to a cache")
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    calls: float
    models: list[str]


class TaskRowOut(Schema):
    key: str
    name: str
    aligned: list[str] = Field(
        description="of each column but the first: key, likeness (a guess), chosen, added, removed, or empty for none"
    )
    cells: list[CellOut | None] = Field(description="in the order of the columns")


class CostPartOut(Schema):
    task: str = Field(description="the task's key; empty for the crew as a whole")
    model: str
    model_before: str = Field(description="the baseline's model where it is another one")
    reason: str
    usd: str


class TimePartOut(Schema):
    task: str
    model: str
    model_before: str
    reason: str
    ms: int


class WhyCostOut(Schema):
    """``parts`` sum to ``difference_usd`` exactly."""

    column: str
    difference_usd: str
    parts: list[CostPartOut]
    unpriced_calls: list[int] = Field(description="left out on both sides: the baseline's and this one's")


class WhyTimeOut(Schema):
    """``parts`` sum to ``difference_ms`` exactly. Null for sides that have not begun or ended."""

    column: str
    difference_ms: int | None
    parts: list[TimePartOut]


class ProblemOut(Schema):
    what: str
    why: str


class ComparisonOut(Schema):
    baseline: str | None
    columns: list[ColumnOut] = Field(description="the baseline first")
    tasks: list[TaskRowOut]
    why_cost: list[WhyCostOut]
    why_time: list[WhyTimeOut]
    sentence: str
    sentences: list[str] = Field(description="one of each column but the first")
    problems: list[ProblemOut] = Field(description="what was asked for and is not shown, and why")
    mixes_simulated_and_real: bool
