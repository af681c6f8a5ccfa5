"""What the API answers, as far as this client reads it; answers may hold more.

They are the answers' own JSON: money is decimal text in USD, times are ISO 8601 in UTC, what is unknown is None. A
test holds them against the server's description of itself, and each answer is held against them (``shapes``). Texts
that people and models wrote are as they wrote them: whoever prints them to a terminal cleans them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from crewsite_client.answers.money import (
    Bill as Bill,
)
from crewsite_client.answers.money import (
    BillItem as BillItem,
)
from crewsite_client.answers.money import (
    Column as Column,
)
from crewsite_client.answers.money import (
    ColumnRating as ColumnRating,
)
from crewsite_client.answers.money import (
    Comparison as Comparison,
)
from crewsite_client.answers.money import (
    CostPart as CostPart,
)
from crewsite_client.answers.money import (
    Forecast as Forecast,
)
from crewsite_client.answers.money import (
    Interval as Interval,
)
from crewsite_client.answers.money import (
    Month as Month,
)
from crewsite_client.answers.money import (
    Months as Months,
)
from crewsite_client.answers.money import (
    Problem as Problem,
)
from crewsite_client.answers.money import (
    Spread as Spread,
)
from crewsite_client.answers.money import (
    TimePart as TimePart,
)
from crewsite_client.answers.money import (
    WhyCost as WhyCost,
)
from crewsite_client.answers.money import (
    WhyTime as WhyTime,
)
from crewsite_client.shapes import Time, Usd

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
RowStatus = Literal["pending", "queued", "running", "waiting", "succeeded", "failed", "cancelled"]
BatchStatus = Literal["running", "paused", "done", "cancelled"]

RUN_ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class File:
    """``name`` is the server's, of letters, digits and ``.-_`` alone. Whoever writes over files asks first."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Saved:
    """A file whose content was written elsewhere."""

    name: str
    media_type: str
    size: int


class Team(TypedDict):
    slug: str
    name: str
    role: str


class Complaint(TypedDict):
    level: str
    code: str
    field: str
    message: str


class Crew(TypedDict):
    slug: str
    name: str
    revision: int
    version: int | None
    spec: dict[str, Any]
    inputs: dict[str, str | None]
    complaints: list[Complaint]


class Version(TypedDict):
    number: int
    note: str
    created_at: Time
    spec: dict[str, Any]


class Note(TypedDict):
    level: str
    file: str
    line: int | None
    message: str


class ImportedCrew(TypedDict):
    index: int
    name: str
    file: str
    line: int | None
    agents: int
    tasks: int
    meant: bool
    slug: str | None
    report: list[Note]


class Imported(TypedDict):
    crew: Crew
    crews: list[ImportedCrew]
    report: list[Note]


class ExportRemark(TypedDict):
    level: str
    field: str
    message: str


class ExportReport(TypedDict):
    format: str
    files: list[str]
    report: list[ExportRemark]


class Usage(TypedDict):
    total_tokens: int
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    successful_requests: int
    cost_usd: Usd | None


class Output(TypedDict):
    raw: str
    json: Any


class Failure(TypedDict):
    code: str
    message: str


class Rating(TypedDict):
    mean: float
    count: int


class Rated(TypedDict):
    rating: Rating | None


class Launched(TypedDict):
    id: str
    status: RunStatus
    created_at: Time
    estimated_completion: Time | None
    estimated_cost_usd: Usd | None
    url: str
    warnings: list[str]


class Task(TypedDict):
    key: str
    name: str
    agent: str
    status: str
    started_at: Time | None
    finished_at: Time | None
    duration_ms: int | None
    output: Output | None
    error: Failure | None
    usage: Usage


Wait = TypedDict("Wait", {"for": str, "task": str | None, "until": Time | None, "ahead": int | None})


class RunSummary(TypedDict):
    id: str
    crew: str
    version: int
    status: RunStatus
    revision: int
    waiting_for: str | None
    simulated: bool
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    duration_ms: int | None
    error: Failure | None
    usage: Usage
    rating: Rating | None
    url: str


class Run(RunSummary):
    waits: list[Wait]
    inputs: dict[str, Any]
    metadata: dict[str, Any]
    output: Output | None
    tasks: list[Task]


class Call(TypedDict):
    id: str
    task: str | None
    agent: str
    kind: str
    model: str | None
    tool: str | None
    status: str
    attempt: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Usd | None
    started_at: Time
    latency_ms: int | None
    messages: list[dict[str, Any]]
    reply: dict[str, Any] | None
    error: Failure | None


class BatchSummary(TypedDict):
    id: str
    name: str
    crew: str
    version: int
    status: BatchStatus
    paused_for: str | None
    revision: int
    dataset: str | None
    simulated: bool
    total: int
    pending: int
    live: int
    succeeded: int
    failed: int
    cancelled: int
    max_concurrency: int
    budget_usd: Usd | None
    created_at: Time
    finished_at: Time | None
    left_ms: int | None
    usage: Usage
    url: str


class BatchRow(TypedDict):
    row: int
    inputs: dict[str, Any]
    run: str | None
    status: RowStatus
    output: Output | None
    error: Failure | None
    cost_usd: Usd | None
    duration_ms: int | None
    url: str | None


class Crews(TypedDict):
    items: list[Crew]
    next: str | None


class Versions(TypedDict):
    items: list[Version]
    next: str | None


class Runs(TypedDict):
    items: list[RunSummary]
    next: str | None


class Calls(TypedDict):
    items: list[Call]
    next: str | None


class Batches(TypedDict):
    items: list[BatchSummary]
    next: str | None


class Batch(BatchSummary):
    items: list[BatchRow]
    next: str | None


class Range(TypedDict):
    low: Usd | int
    high: Usd | int


class Limit(TypedDict):
    code: str
    words: str


class BatchEstimate(TypedDict):
    rows: int
    simulated: bool
    runs: int | None
    cost_usd: Range | None
    duration_ms: Range | None
    at_once: int | None
    limit: Limit | None
    budget: Limit | None
