"""What the API answers about bills and usage. A value of a dimension is a text, "" where a call has none."""

from __future__ import annotations

from uuid import UUID

from ninja import Schema
from pydantic import Field

from runs.api_fields import TextOrNull, TimeText, TimeTextOrNull, UsdText, UsdTextOrNull
from runs.forecast.schemas import ForecastOut
from runs.models import Call
from runs.states import waste_of


class UsageSums(Schema):
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    successful_requests: int
    total_tokens: int


class SumsOut(Schema):
    calls: int
    unpriced_calls: int = Field(description="their cost is not known, so it is not in cost_usd")
    usage: UsageSums
    cost_usd: UsdText


class UsageItem(SumsOut):
    """Divided by `part`, `calls` and `usage` are 0, since a call has many parts. `unpriced_calls` stand at the part
    `whole` alone."""

    group: dict[str, str] = Field(description="a value for each of group_by: codes, as filters of bills take them")
    names: dict[str, str] = Field(description="the same for people")


class Usage(Schema):
    group_by: list[str]
    since: str
    until: str = Field(description="the first day that is not in it")
    simulated: bool
    items: list[UsageItem]
    total: SumsOut


class BillItem(Schema):
    code: str
    name: str
    calls: int
    unpriced_calls: int
    cost_usd: UsdText


class PartItem(Schema):
    part: str
    unpriced_calls: int = Field(description="of the part that is not divided: their cost is not in cost_usd")
    cost_usd: UsdText


class BillCallOut(Schema):
    """A call as a bill has it; `GET /runs/{run_id}/calls` has the whole of it."""

    id: UUID = Field(validation_alias="pk")
    run: UUID = Field(validation_alias="run_id")
    crew: str = Field(validation_alias="run.crew.slug")
    task: str | None = Field(description="its key; null for calls of the crew as a whole")
    agent: str
    kind: str
    model: str | None = Field(description="of a call of a model")
    tool: str | None
    purpose: str
    status: str = Field(validation_alias="state")
    cost_class: str
    waste: str | None = Field(description="why it was paid in vain; null if it was not")
    cache_hit: bool
    prompt_tokens: int
    completion_tokens: int
    cost_usd: UsdTextOrNull = Field(validation_alias="cost_nusd")
    started_at: TimeText

    @staticmethod
    def resolve_task(call: Call) -> str | None:
        return None if call.task_run is None else call.task_run.key

    @staticmethod
    def resolve_model(call: Call) -> str | None:
        return call.model or None

    @staticmethod
    def resolve_tool(call: Call) -> str | None:
        return call.tool or None

    @staticmethod
    def resolve_waste(call: Call) -> str | None:
        return waste_of(call.cost_class, call.run.state) or None


class CounterLineOut(Schema):
    call: str
    run: str
    own_month: str
    month: str = Field(description="whose bill took the difference")
    booked_usd: UsdTextOrNull
    exact_usd: UsdTextOrNull
    cost_usd: UsdText = Field(description="what it adds to this bill")
    made_at: TimeTextOrNull


class BillCallList(Schema):
    """The sums are those of the bill, narrowed as the calls are; they have its counter-lines too."""

    total: SumsOut
    calls_usd: UsdText = Field(description="of that what the calls cost, without counter-lines")
    items: list[BillCallOut] = Field(description="newest first")
    counter_lines: list[CounterLineOut] = Field(description="on the first page, the first 200")
    next: TextOrNull


class LateOut(Schema):
    count: int
    booked_usd: UsdText
    exact_usd: UsdText


class WhyPart(Schema):
    crew: str | None
    agent: str
    model: str
    model_before: str
    reason: str
    usd: UsdText


class WhyOut(Schema):
    month: str = Field(description="the calendar month before, even if nothing was spent in it")
    before_usd: UsdText
    difference_usd: UsdText
    parts: list[WhyPart] = Field(description="they sum to the difference exactly")


class MonthOut(Schema):
    month: str
    state: str = Field(description="open or closed")
    simulated: bool
    total_usd: UsdText
    calls: int
    unpriced_calls: int
    budget_usd: UsdTextOrNull
    closed_at: TimeTextOrNull


class MonthList(Schema):
    items: list[MonthOut]


class BillOut(MonthOut):
    usage: UsageSums
    by: dict[str, list[BillItem]] = Field(description="by each dimension, as known now; every list sums to the total")
    classes: list[BillItem] = Field(description="cost classes; they sum to the total")
    waste: list[BillItem] = Field(description="what gave nothing, by reason")
    parts: list[PartItem] = Field(description="tokens by kind, fees, and what is kept undivided; they sum to the total")
    saved_usd: UsdText = Field(description="by caches of results")
    cache_saved_usd: UsdText = Field(description="by prompts that providers had in their caches")
    counter_lines_usd: UsdText
    counter_lines: list[CounterLineOut] = Field(description="the first 200")
    late: LateOut = Field(description="exact figures that took the place of assumptions in this month's own calls")
    why: WhyOut | None = Field(description="why it is not what the month before was; null without an earlier month")
    forecast: ForecastOut | None = Field(description="of the present month, where it is not narrowed")
    number: int | None = Field(description="of a closed bill: `/bills/{month}/document` has the sums as frozen")
    hash: str | None = Field(description="of a closed bill: SHA-256 of that document")
