"""What the API takes and answers about one run. No other list of these fields is kept: they are read from the rows.

Money is decimal text, times are in UTC, what is unknown is null. Docstrings of schemas are shown to users of the API.
"""

from decimal import Decimal
from typing import Any, Literal, TypeVar
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from engine.record.journal import CallKind, Purpose, TaskStatus
from runs.addresses import run_url
from runs.api_fields import TextOrNull, TimeText, TimeTextOrNull, UsdText, UsdTextOrNull
from runs.models import Call, Review, Rollup, Run, TaskRun
from runs.models.call import CALL_PARTS
from runs.money import usd_text
from runs.ratings.schemas import RatingMean
from runs.run.standing import Troubles, Waiting, queued_for, troubles_of, waits_for, waits_of
from runs.states import CallState, CostClass, Priority, RunState
from teams.api.request_body import Strict
from teams.models import AtLimit

Wait = Literal[
    "queue", "runs_at_once", "person", "run_budget", "team_budget", "user_budget", "rate_limit", "retry", "budget"
]
"""What a run or one of its tasks waits for: the names in ``runs.states``."""


class DecisionIn(Strict):
    task: str = Field(description="the key of the task that waits")
    approved: StrictBool = Field(
        True, description="of a lost call: whether it was carried out; if not, it is made again"
    )
    comment: str = Field("", description="what should be different, where an answer is sent back")
    number: StrictInt | None = Field(None, ge=0, description="which answer is meant; null is the one shown now")
    call: UUID | None = Field(None, description="which lost call is meant, where the question is about one")
    step: str | None = Field(
        None, max_length=60, description="which request may be sent or not; needed where that is the question"
    )


class ResumeIn(Strict):
    budget_usd: Decimal | None = Field(None, description="the run's new budget; null tries with what there is")


class UsageOut(Schema):
    total_tokens: int
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    successful_requests: int
    cost_usd: str | None = Field(description="null if the price of some call is unknown")

    @staticmethod
    def resolve_cost_usd(sums: Rollup) -> str | None:
        return None if sums.unpriced_calls else usd_text(sums.spent_nusd)


class OutputOut(Schema):
    raw: str = Field(validation_alias="output_raw")
    json_: Any = Field(None, validation_alias="output_json", serialization_alias="json")


class TaskOutputOut(OutputOut):
    note: TextOrNull = Field(
        validation_alias="output_note", description="values that were taken for others, which fit the schema"
    )


class FailureOut(Schema):
    code: str = Field(validation_alias="error_code")
    message: str = Field(validation_alias="error")


class QuestionOut(Schema):
    about: Literal["answer", "call", "request"] = Field(
        description="answer: is it good; call: was it carried out before its worker was lost; request: may it be sent"
    )
    number: int | None = Field(description="which of the task's answers, from 0; null for a call or a request")
    answer: str | None
    call: UUID | None = Field(validation_alias="call_id")
    tool: str | None
    arguments: str | None
    step: str | None = Field(description="names the request when it is answered")
    request: str | None = Field(description="the request to the letter: method, address, headers and body")
    asked_at: TimeText

    @staticmethod
    def resolve_number(review: Review) -> int | None:
        return review.number if review.about == "answer" else None

    @staticmethod
    def resolve_answer(review: Review) -> str | None:
        return review.answer if review.about == "answer" else None

    @staticmethod
    def resolve_step(review: Review) -> str | None:
        return review.step or None

    @staticmethod
    def resolve_request(review: Review) -> str | None:
        return review.answer if review.about == "request" else None

    @staticmethod
    def resolve_tool(review: Review) -> str | None:
        return None if review.call is None else review.call.tool

    @staticmethod
    def resolve_arguments(review: Review) -> str | None:
        return None if review.call is None else review.call.arguments


class TaskOut(Schema):
    key: str
    name: str
    agent: str
    status: TaskStatus = Field(validation_alias="state")
    started_at: TimeTextOrNull
    finished_at: TimeTextOrNull
    duration_ms: int | None
    output: TaskOutputOut | None
    error: FailureOut | None
    questions: list[QuestionOut] = Field(description="what waits for a person; answer with POST /runs/{id}/approve")
    usage: UsageOut

    @staticmethod
    def resolve_output(task: TaskRun) -> TaskRun | None:
        return task if task.state == TaskStatus.SUCCEEDED else None

    @staticmethod
    def resolve_error(task: TaskRun) -> TaskRun | None:
        return _if_failed(task)

    @staticmethod
    def resolve_questions(task: TaskRun) -> list[Review]:
        return [] if task.run.ended else task.open_reviews  # type: ignore[attr-defined]

    @staticmethod
    def resolve_usage(task: TaskRun) -> TaskRun:
        return task


class WaitOut(Schema):
    for_: Wait = Field(validation_alias="what", serialization_alias="for")
    task: str | None = Field(description="the key of the task that waits; null for the run as a whole")
    until: TimeTextOrNull = Field(description="when it is looked at again, where that is known")
    ahead: int | None = Field(description="in the queue: how many of the team's runs come before it")

    @staticmethod
    def resolve_task(wait: Waiting) -> str | None:
        return None if wait.task is None else wait.task.key


class TroublesOut(Schema):
    """What a run met besides its work, and what of its cost that is."""

    takeovers: int = Field(description="how often another worker took it over; nothing finished was paid again")
    retries: int
    refused_calls: int = Field(validation_alias="refused")
    refused_usd: UsdText = Field(validation_alias="refused_nusd")
    unknown_calls: int = Field(
        validation_alias="unknown", description="calls of unknown outcome, booked at the most that they can have cost"
    )
    unknown_usd: UsdText = Field(validation_alias="unknown_nusd")
    late_calls: int = Field(
        validation_alias="late", description="paid, but answered to a worker that no longer held the run"
    )
    late_usd: UsdText = Field(validation_alias="late_nusd")
    corrected_calls: int = Field(
        validation_alias="corrected", description="calls of unknown outcome whose exact figure came later"
    )
    over_booked_usd: UsdText = Field(validation_alias="over_booked_nusd")


class RunSummary(Schema):
    id: UUID
    crew: str
    version: int
    status: RunState = Field(validation_alias="state")
    revision: int = Field(description="grows with every change")
    waiting_for: Wait | None
    simulated: bool
    priority: Priority
    created_at: TimeText
    started_at: TimeTextOrNull
    finished_at: TimeTextOrNull
    texts_removed_at: TimeTextOrNull = Field(description="when inputs, outputs and messages were removed as too old")
    duration_ms: int | None
    error: FailureOut | None
    usage: UsageOut
    rating: RatingMean | None = Field(description="null without ratings; see GET /runs/{id}/rating")
    url: str

    @staticmethod
    def resolve_crew(run: Run) -> str:
        return run.crew.slug

    @staticmethod
    def resolve_version(run: Run) -> int:
        return run.version.number

    @staticmethod
    def resolve_waiting_for(run: Run) -> str | None:
        return queued_for(run) if run.state == RunState.QUEUED else run.waiting_for or None

    @staticmethod
    def resolve_error(run: Run) -> Run | None:
        return _if_failed(run)

    @staticmethod
    def resolve_usage(run: Run) -> Run:
        return run

    @staticmethod
    def resolve_rating(run: Run) -> RatingMean | None:
        return RatingMean.of(run.rating_sum, run.rating_count)

    @staticmethod
    def resolve_url(run: Run) -> str:
        return run_url(run)


# Made of a run that ``queries.with_tasks`` has read. Its waits and troubles take up to five queries more.
class RunOut(RunSummary):
    waits: list[WaitOut]
    troubles: TroublesOut
    at_limit: AtLimit
    needs_usd: UsdTextOrNull = Field(
        validation_alias="needs_nusd",
        description="what the call may cost that no budget covers, while it waits for one",
    )
    batch: UUID | None = Field(validation_alias="batch_id", description="the batch that it belongs to")
    batch_row: int | None = Field(description="which of its rows, from 1")
    inputs: dict[str, Any]
    metadata: dict[str, Any]
    budget_usd: UsdTextOrNull = Field(validation_alias="budget_nusd")
    accepts_unpriced: bool = Field(description="budgets do not hold back calls of models whose price nobody knows")
    max_calls: int | None
    max_tokens: int | None
    max_seconds: int | None
    output: OutputOut | None
    tasks: list[TaskOut]

    @staticmethod
    def resolve_waiting_for(run: Run) -> str | None:
        return waits_for(run, list(run.tasks.all())) or None

    @staticmethod
    def resolve_waits(run: Run) -> list[Waiting]:
        return waits_of(run, list(run.tasks.all()))

    @staticmethod
    def resolve_troubles(run: Run) -> Troubles:
        return troubles_of(run)

    @staticmethod
    def resolve_output(run: Run) -> Run | None:
        return run if run.ended and not run.error else None


class CallOut(Schema):
    id: UUID
    task: str | None = Field(description="null for calls of the crew as a whole")
    agent: str
    branch: str = Field(description="3. for a co-worker's calls below the tool call at step 3; else empty")
    kind: CallKind = Field(description="task: an output taken over from an earlier run")
    purpose: Purpose
    cost_class: CostClass
    model: TextOrNull = Field(description="the model that was asked")
    model_answered: TextOrNull
    credential: TextOrNull = Field(description="the name of the provider key that was used")
    tool: TextOrNull
    arguments: TextOrNull
    tool_output: str | None
    status: CallState = Field(validation_alias="state")
    simulated: bool
    step: int
    attempt: int
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    total_tokens: int
    usage_estimated: bool
    citation_tokens: int
    searches: int = Field(description="made by the provider for this call")
    cost_usd: UsdTextOrNull = Field(validation_alias="cost_nusd")
    cost_parts_usd: dict[str, str] | None = Field(
        description="what the cost is made of; sums to it. null: nothing was asked, or nobody knows"
    )
    provider_cost_usd: UsdTextOrNull = Field(
        validation_alias="provider_nusd", description="what the provider itself says that it costs"
    )
    provider_cost_is_booked: bool = Field(validation_alias="provider_is_booked")
    price: int | None = Field(validation_alias="quote_id", description="the id of the price; see GET /prices")
    cache_hit: bool
    cache_age_s: float | None = Field(description="how old what was reused was")
    saved_usd: UsdTextOrNull = Field(
        validation_alias="saved_nusd", description="what the reuse spared, where that is known"
    )
    waited_ms: int = Field(description="how long it waited for its turn at the provider before it was made")
    started_at: TimeText
    finished_at: TimeTextOrNull
    latency_ms: int | None
    ttft_ms: int | None
    finish_reason: TextOrNull
    messages: list[dict[str, Any]]
    reply: dict[str, Any] | None = Field(
        description="text, tool_calls, reasoning, refusal, own_fields (JSON that goes back to the provider) and more"
    )
    error: FailureOut | None
    refused_by: TextOrNull = Field(description="what sent the answer back: schema, guardrail or person")

    @staticmethod
    def resolve_task(call: Call) -> str | None:
        return None if call.task_run is None else call.task_run.key

    @staticmethod
    def resolve_cost_parts_usd(call: Call) -> dict[str, str] | None:
        if call.prompt_nusd is None:
            return None
        return {part: usd_text(getattr(call, f"{part}_nusd")) or "0" for part in CALL_PARTS}

    @staticmethod
    def resolve_tool_output(call: Call) -> str | None:
        return call.tool_output if call.kind == "tool" else None

    @staticmethod
    def resolve_error(call: Call) -> Call | None:
        return _if_failed(call)


class CallList(Schema):
    items: list[CallOut]
    next: TextOrNull


RowT = TypeVar("RowT", Run, TaskRun, Call)


def _if_failed(row: RowT) -> RowT | None:
    return row if row.error_code or row.error else None
