"""What the API takes and answers about batches. ``BatchOut`` is made of ``queries.BatchDetail``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from runs.addresses import batch_url, run_url
from runs.api_fields import AuthorOut, TextOrNull, TimeText, TimeTextOrNull, UsdTextOrNull
from runs.batches.estimate.whole import BatchEstimate
from runs.batches.order import MAX_CONCURRENCY, MAX_ROWS, USUAL_CONCURRENCY
from runs.batches.queries import WAITING, BatchDetail
from runs.models import BatchRow, Rollup
from runs.money import usd_text
from runs.run.schemas import FailureOut, OutputOut, UsageOut
from runs.states import BatchPause, BatchState, Priority, RunState
from teams.api.request_body import Strict
from teams.models import AtLimit

RowState = Literal["pending", "queued", "running", "waiting", "succeeded", "failed", "cancelled"]
"""Of a row: that of its newest run, or ``pending`` before it has one."""


COLUMNS = (
    "of a data set: which column fills an input, empty for the crew's own value; other inputs are filled by the "
    "column that is called as they are"
)


class BatchIn(Strict):
    """Null bounds of a run are the team's caps, as at a launch."""

    inputs: list[dict[str, Any]] = Field(
        default_factory=list,
        description=f"a row for each run to make, at most {MAX_ROWS:,}; what is null is not given",
    )
    dataset: str = Field(
        "",
        max_length=80,
        description="in place of `inputs` the rows of a data set: `leads@3`, or `leads` for its newest version",
    )
    columns: dict[str, str] = Field(default_factory=dict, description=COLUMNS)
    name: str = Field("", description="what the batch is called; empty: after its crew")
    version: StrictInt | None = Field(None, ge=1, description="null launches the draft as it stands")
    max_concurrency: StrictInt = Field(
        USUAL_CONCURRENCY, description=f"runs of it that are live at once, from 1 to {MAX_CONCURRENCY}"
    )
    stop_after_failures: StrictInt | None = Field(None, description="it is paused once so many runs have failed")
    budget_usd: Decimal | None = Field(
        None, description="of all runs together; no row is started that could go beyond it"
    )
    run_budget_usd: Decimal | None = Field(
        None, description="of each run; without it, rows share what is left of the budget of the whole"
    )
    max_calls: StrictInt | None = Field(None, description="each run stops before it would make more model requests")
    max_tokens: StrictInt | None = Field(None, description="each run stops at the request after so many tokens")
    max_seconds: StrictInt | None = Field(None, description="each run makes no further request after so many seconds")
    priority: Priority = Priority.NORMAL
    at_limit: AtLimit | None = Field(None, description="what each run does at a budget; null is the team's way")
    accept_unpriced: StrictBool = Field(
        False, description="budgets need not hold back calls of models whose price nobody knows; else it is refused"
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="labels of each run")


class BatchResumeIn(Strict):
    """What is null stays as it is."""

    max_concurrency: StrictInt | None = None
    stop_after_failures: StrictInt | None = None
    budget_usd: Decimal | None = None


class BatchRowsIn(Strict):
    inputs: list[dict[str, Any]] = Field(min_length=1, description="the rows to add")


class CostRange(Schema):
    low: str
    high: str


class MsRange(Schema):
    low: int
    high: int


class PaceLimit(Schema):
    code: Literal[
        "runs_at_once",
        "batch_budget",
        "workers",
        "launch_quota",
        "requests_a_minute",
        "tokens_a_minute",
        "provider",
    ] = Field(
        description="`batch_budget`: rows under way keep back what is left of it; `provider`: it has lately refused "
        "more requests at once"
    )
    words: str


class BudgetLimit(Schema):
    code: Literal["batch_budget", "team_budget", "user_budget"]
    words: str = Field(description="with how many rows it covers")


class BatchEstimateOut(Schema):
    rows: int
    simulated: bool = Field(description="what the runs would be")
    runs: int | None = Field(
        description="of the crew, that it comes from; 0: the length of the crew's texts; null: nothing is known"
    )
    cost_usd: CostRange | None = Field(description="of all rows; null where no price is known")
    duration_ms: MsRange | None = Field(description="of the whole batch")
    at_once: int | None = Field(description="rows under way at once, after what holds them back")
    limit: PaceLimit | None = Field(description="what makes it fewer than was asked")
    budget: BudgetLimit | None = Field(description="the budget that covers the fewest rows, if it does not cover all")

    @staticmethod
    def of(rows: int, simulated: bool, found: BatchEstimate | None) -> BatchEstimateOut:
        if found is None:
            unknown = dict.fromkeys(("runs", "cost_usd", "duration_ms", "at_once", "limit", "budget"))
            return BatchEstimateOut(rows=rows, simulated=simulated, **unknown)
        cost = None
        if found.low_nusd is not None and found.high_nusd is not None:
            cost = CostRange(low=usd_text(found.low_nusd), high=usd_text(found.high_nusd))
        return BatchEstimateOut(
            rows=rows,
            simulated=simulated,
            runs=found.runs,
            cost_usd=cost,
            duration_ms=MsRange(low=found.low_ms, high=found.high_ms),
            at_once=found.at_once,
            limit=PaceLimit.from_orm(found.binds) if found.binds else None,
            budget=BudgetLimit.from_orm(found.covers) if found.covers else None,
        )


class BatchSummary(Schema):
    id: UUID = Field(validation_alias="batch.pk")
    name: str = Field(validation_alias="batch.name")
    crew: str = Field(validation_alias="batch.crew.slug")
    version: int = Field(validation_alias="batch.version.number")
    status: BatchState = Field(validation_alias="batch.state")
    paused_for: BatchPause | None = Field(description="why it is paused")
    revision: int = Field(validation_alias="batch.revision", description="grows with every change of the batch itself")
    dataset: str | None = Field(description="the data set whose rows it has, with its version")
    dataset_was: str | None = Field(description="what that was called, where it was deleted")
    simulated: bool = Field(validation_alias="batch.simulated")
    total: int = Field(validation_alias="progress.total")
    pending: int = Field(validation_alias="progress.waiting", description="rows that have no run yet")
    stranded: int = Field(
        validation_alias="progress.stranded",
        description="rows of those that wait for people who may launch no more; `retry` takes them over",
    )
    live: int = Field(validation_alias="progress.live", description="rows whose run is queued, running or waiting")
    succeeded: int = Field(validation_alias="progress.succeeded")
    failed: int = Field(validation_alias="progress.failed")
    cancelled: int = Field(validation_alias="progress.cancelled")
    max_concurrency: int = Field(validation_alias="batch.max_concurrency")
    stop_after_failures: int | None = Field(validation_alias="batch.stop_after_failures")
    budget_usd: UsdTextOrNull = Field(validation_alias="batch.budget_nusd")
    run_budget_usd: UsdTextOrNull = Field(validation_alias="batch.run_budget_nusd")
    created_at: TimeText = Field(validation_alias="batch.created_at")
    finished_at: TimeTextOrNull = Field(validation_alias="batch.finished_at")
    left_ms: int | None = Field(description="about how long it still takes; null where that is not known")
    usage: UsageOut = Field(description="of all its runs, those of rows that were run again too")
    url: str

    @staticmethod
    def resolve_paused_for(detail: BatchDetail) -> str | None:
        return detail.batch.paused_for or None

    @staticmethod
    def resolve_dataset(detail: BatchDetail) -> str | None:
        version = detail.batch.data_set_version
        return None if version is None else str(version)

    @staticmethod
    def resolve_dataset_was(detail: BatchDetail) -> str | None:
        return detail.batch.data_set_was or None

    @staticmethod
    def resolve_usage(detail: BatchDetail) -> Rollup:
        return detail.usage

    @staticmethod
    def resolve_url(detail: BatchDetail) -> str:
        return batch_url(detail.batch)


class BatchList(Schema):
    items: list[BatchSummary]
    next: TextOrNull


class BatchRowOut(Schema):
    """One row with its newest run."""

    row: int = Field(validation_alias="position", description="from 1")
    inputs: dict[str, Any] = Field(description="empty once they were removed as too old")
    run: UUID | None = Field(validation_alias="run_id")
    added_by: AuthorOut = Field(description="whose run it is or becomes, and the token that they did it with")
    status: RowState
    waits_for: Literal["launcher"] | None = Field(
        description="`launcher`: whoever added it may launch no more, so that others have to take it over"
    )
    output: OutputOut | None
    error: FailureOut | None
    cost_usd: str | None = Field(
        description="of its newest run; null if it has none, or the price of a call is unknown"
    )
    duration_ms: int | None
    url: str | None

    @staticmethod
    def resolve_added_by(row: BatchRow) -> AuthorOut:
        return AuthorOut.of(row.added_by, row.api_token)

    @staticmethod
    def resolve_waits_for(row: BatchRow) -> str | None:
        return "launcher" if row.is_stranded else None

    @staticmethod
    def resolve_status(row: BatchRow) -> str:
        return WAITING if row.run is None else row.run.state

    @staticmethod
    def resolve_output(row: BatchRow) -> Any:
        return row.run if row.run is not None and row.run.state == RunState.SUCCEEDED else None

    @staticmethod
    def resolve_error(row: BatchRow) -> Any:
        return row.run if row.run is not None and row.run.error_code else None

    @staticmethod
    def resolve_cost_usd(row: BatchRow) -> str | None:
        return None if row.run is None or row.run.unpriced_calls else usd_text(row.run.spent_nusd)

    @staticmethod
    def resolve_duration_ms(row: BatchRow) -> int | None:
        return None if row.run is None else row.run.duration_ms

    @staticmethod
    def resolve_url(row: BatchRow) -> str | None:
        return None if row.run is None else run_url(row.run)


class BatchOut(BatchSummary):
    items: list[BatchRowOut] = Field(description="a page of its rows, in their order")
    next: TextOrNull


class BatchLaunched(BatchSummary):
    runs: list[UUID] = Field(description="the runs that there are so far: a row gets its run when its turn comes")
