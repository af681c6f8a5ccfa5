"""What the API answers about comparisons and bills, as far as this client reads it."""

from __future__ import annotations

from typing import TypedDict

from crewsite_client.shapes import Usd


class Interval(TypedDict):
    low: Usd | float | None
    high: Usd | float | None
    clear: bool
    more_runs: int | None


class Spread(TypedDict):
    runs: int
    median: Usd | int
    p95: Usd | int
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
    cost_usd: Usd | None
    duration_ms: int | None
    unpriced_calls: int
    waste_usd: Usd
    rating: ColumnRating | None
    cost: Spread | None
    duration: Spread | None
    notes: list[str]


class CostPart(TypedDict):
    task: str
    model: str
    model_before: str
    reason: str
    usd: Usd


class WhyCost(TypedDict):
    column: str
    difference_usd: Usd
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
    total_usd: Usd
    calls: int
    unpriced_calls: int
    budget_usd: Usd | None


class Months(TypedDict):
    items: list[Month]


class BillItem(TypedDict):
    code: str
    name: str
    calls: int
    unpriced_calls: int
    cost_usd: Usd


class Forecast(TypedDict):
    low_usd: Usd | None
    high_usd: Usd | None
    confidence: int


class Bill(Month):
    by: dict[str, list[BillItem]]
    classes: list[BillItem]
    waste: list[BillItem]
    saved_usd: Usd
    forecast: Forecast | None
    number: int | None
    hash: str | None
