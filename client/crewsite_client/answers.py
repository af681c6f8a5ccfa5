"""What the API answers, as far as this client reads it; answers may hold more.

They are the answers' own JSON: money is decimal text in USD, times are ISO 8601 in UTC, what is unknown is None. A
test holds them against the server's description of itself. Texts that people and models wrote are as they wrote them:
whoever prints them to a terminal cleans them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
RowStatus = Literal["pending", "queued", "running", "waiting", "succeeded", "failed", "cancelled"]
BatchStatus = Literal["running", "paused", "done", "cancelled"]

RUN_ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class File:
    """``name`` is the server's, without any folder."""

    name: str
    media_type: str
    content: bytes


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
    created_at: str
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
    cost_usd: str | None


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
    created_at: str
    estimated_completion: str | None
    estimated_cost_usd: str | None
    url: str
    warnings: list[str]


class Task(TypedDict):
    key: str
    name: str
    agent: str
    status: str
    started_at: str | None
    finished_at: str | None
    duration_ms: int | None
    output: Output | None
    error: Failure | None
    usage: Usage


Wait = TypedDict("Wait", {"for": str, "task": str | None, "until": str | None, "ahead": int | None})


class RunSummary(TypedDict):
    id: str
    crew: str
    version: int
    status: RunStatus
    revision: int
    waiting_for: str | None
    simulated: bool
    created_at: str
    started_at: str | None
    finished_at: str | None
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
    cost_usd: str | None
    started_at: str
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
    simulated: bool
    total: int
    pending: int
    live: int
    succeeded: int
    failed: int
    cancelled: int
    max_concurrency: int
    budget_usd: str | None
    created_at: str
    finished_at: str | None
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
    cost_usd: str | None
    duration_ms: int | None
    url: str | None


class Interval(TypedDict):
    low: str | int | float | None
    high: str | int | float | None
    clear: bool
    more_runs: int | None


class Spread(TypedDict):
    runs: int
    median: str | int
    p95: str | int
    interval: Interval | None


class ColumnRating(TypedDict):
    mean: float
    count: int
    interval: Interval | None


class Column(TypedDict):
    id: str
    label: str
    kind: str
    runs: int
    simulated: bool
    cost_usd: str | None
    duration_ms: int | None
    unpriced_calls: int
    waste_usd: str
    rating: ColumnRating | None
    cost: Spread | None
    duration: Spread | None
    notes: list[str]


class CostPart(TypedDict):
    task: str
    model: str
    model_before: str
    reason: str
    usd: str


class WhyCost(TypedDict):
    column: str
    difference_usd: str
    parts: list[CostPart]


class TimePart(TypedDict):
    task: str
    model: str
    model_before: str
    reason: str
    ms: int


class WhyTime(TypedDict):
    column: str
    difference_ms: int | None
    parts: list[TimePart]


class Problem(TypedDict):
    what: str
    why: str


class Comparison(TypedDict):
    baseline: str | None
    columns: list[Column]
    why_cost: list[WhyCost]
    why_time: list[WhyTime]
    sentence: str
    problems: list[Problem]
    mixes_simulated_and_real: bool


class Month(TypedDict):
    month: str
    state: str
    simulated: bool
    total_usd: str
    calls: int
    unpriced_calls: int
    budget_usd: str | None


class Months(TypedDict):
    items: list[Month]


class BillItem(TypedDict):
    code: str
    name: str
    calls: int
    unpriced_calls: int
    cost_usd: str


class Forecast(TypedDict):
    low_usd: str | None
    high_usd: str | None
    confidence: int


class Bill(Month):
    by: dict[str, list[BillItem]]
    classes: list[BillItem]
    waste: list[BillItem]
    saved_usd: str
    forecast: Forecast | None
    number: int | None
    hash: str | None


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
    low: str | int
    high: str | int


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
