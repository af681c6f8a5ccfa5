"""What the API takes and answers about schedules. Docstrings of schemas are shown to users of the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from runs.addresses import schedule_url
from runs.api_fields import TextOrNull, TimeText, TimeTextOrNull, UsdTextOrNull
from runs.batches.order import MAX_CONCURRENCY, USUAL_CONCURRENCY
from runs.batches.schemas import COLUMNS
from runs.models import ScheduleTime
from runs.schedules.queries import ScheduleDetail
from runs.states import Overlap, Priority, ScheduleOff, TimeOutcome
from teams.api.request_body import Strict
from teams.models import AtLimit
from teams.texts.times import time_text


class ScheduleTerms(Strict):
    """Null bounds of a run are the team's caps, as at a launch."""

    name: str = Field(max_length=1_000)
    cron: str = Field(
        max_length=1_000, description="minute, hour, day of the month, month, day of the week: `30 8 * * 1-5`"
    )
    time_zone: str = Field("UTC", max_length=200, description="of its times: `Europe/Berlin`")
    version: StrictInt | None = Field(None, ge=1, description="of the crew; null launches the newest there is then")
    inputs: dict[str, Any] = Field(default_factory=dict, description="a value for each placeholder, of a single run")
    dataset: str | None = Field(
        None,
        max_length=80,
        description="launches a batch of its rows: `leads@3`, or `leads` for the newest there is then",
    )
    columns: dict[str, str] = Field(default_factory=dict, description=COLUMNS)
    overlap: Overlap = Field(
        Overlap.SKIP, description="while the launch before is under way: `skip` the time, or `queue` it until that ends"
    )
    catch_up: StrictBool = Field(
        False, description="times that no worker was there for are launched late, once for all"
    )
    simulated: StrictBool | None = Field(None, description="null: simulated if the team has no provider key at all")
    budget_usd: Decimal | None = Field(None, description="of each run")
    batch_budget_usd: Decimal | None = Field(None, description="of each batch as a whole")
    max_concurrency: StrictInt | None = Field(
        None,
        ge=1,
        le=MAX_CONCURRENCY,
        description=f"runs of a batch that are live at once; null: {USUAL_CONCURRENCY}",
    )
    stop_after_failures: StrictInt | None = Field(None, description="a batch is paused once so many runs have failed")
    max_calls: StrictInt | None = Field(None, description="each run stops before it would make more model requests")
    max_tokens: StrictInt | None = Field(None, description="each run stops at the request after so many tokens")
    max_seconds: StrictInt | None = Field(None, description="each run makes no further request after so many seconds")
    priority: Priority = Priority.NORMAL
    at_limit: AtLimit | None = Field(None, description="what each run does at a budget; null is the team's way")
    accept_unpriced: StrictBool = Field(
        False, description="budgets need not hold back calls of models whose price nobody knows; else it is refused"
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="labels of each run")


class ScheduleIn(ScheduleTerms):
    crew: str = Field(max_length=200, description="its slug")
    on: StrictBool = True


class SchedulePatch(Strict):
    """What is not named stays as it is. The fields mean what they do when a schedule is made. Whoever changes it owns
    it from then on: it launches in their name."""

    name: str | None = Field(None, max_length=1_000)
    cron: str | None = Field(None, max_length=1_000)
    time_zone: str | None = Field(None, max_length=200)
    version: StrictInt | None = Field(None, ge=1)
    inputs: dict[str, Any] | None = None
    dataset: str | None = Field(None, max_length=80)
    columns: dict[str, str] | None = None
    overlap: Overlap | None = None
    catch_up: StrictBool | None = None
    simulated: StrictBool | None = None
    budget_usd: Decimal | None = None
    batch_budget_usd: Decimal | None = None
    max_concurrency: StrictInt | None = Field(None, ge=1, le=MAX_CONCURRENCY)
    stop_after_failures: StrictInt | None = None
    max_calls: StrictInt | None = None
    max_tokens: StrictInt | None = None
    max_seconds: StrictInt | None = None
    priority: Priority | None = None
    at_limit: AtLimit | None = None
    accept_unpriced: StrictBool | None = None
    metadata: dict[str, Any] | None = None


class ScheduleTimeOut(Schema):
    """What became of one of its times."""

    id: UUID = Field(validation_alias="pk")
    due_at: TimeText
    outcome: TimeOutcome
    says: TextOrNull = Field(description="why nothing was launched, or why late")
    earlier_too: bool = Field(validation_alias="earlier", description="it stands for missed times before it, too")
    run: UUID | None = Field(validation_alias="run_id")
    batch: UUID | None = Field(validation_alias="batch_id")


class NextTimesOut(Schema):
    next: list[str] = Field(description="moments in UTC")
    in_words: list[str] = Field(description="the same in the time zone, as pages say them")


class ScheduleSummary(Schema):
    id: UUID = Field(validation_alias="schedule.pk")
    name: str = Field(validation_alias="schedule.name")
    crew: str = Field(validation_alias="schedule.crew.slug")
    version: int | None
    dataset: str | None = Field(validation_alias="schedule.set_name")
    columns: dict[str, str] = Field(validation_alias="schedule.columns", description=COLUMNS)
    inputs: dict[str, Any] = Field(validation_alias="schedule.inputs")
    cron: str = Field(validation_alias="schedule.cron")
    time_zone: str = Field(validation_alias="schedule.time_zone")
    on: bool = Field(validation_alias="schedule.is_on")
    off_for: ScheduleOff | None = Field(description="why it is off")
    next: list[str] = Field(description="its next times; none while it is off")
    last: ScheduleTimeOut | None
    overlap: Overlap = Field(validation_alias="schedule.overlap")
    catch_up: bool = Field(validation_alias="schedule.catch_up")
    simulated: bool | None = Field(validation_alias="schedule.simulated")
    budget_usd: UsdTextOrNull = Field(validation_alias="schedule.run_budget_nusd")
    batch_budget_usd: UsdTextOrNull = Field(validation_alias="schedule.budget_nusd")
    max_concurrency: int | None = Field(validation_alias="schedule.max_concurrency")
    stop_after_failures: int | None = Field(validation_alias="schedule.stop_after_failures")
    max_calls: int | None = Field(validation_alias="schedule.max_calls")
    max_tokens: int | None = Field(validation_alias="schedule.max_tokens")
    max_seconds: int | None = Field(validation_alias="schedule.max_seconds")
    priority: Priority = Field(validation_alias="schedule.priority")
    at_limit: AtLimit | None
    accept_unpriced: bool = Field(validation_alias="schedule.accepts_unpriced")
    metadata: dict[str, Any] = Field(validation_alias="schedule.metadata")
    owner: str | None = Field(description="in whose name it launches; null where they are gone")
    waiting_since: TimeTextOrNull = Field(
        validation_alias="schedule.waiting_since", description="the time whose launch waits for the one before to end"
    )
    created_at: TimeText = Field(validation_alias="schedule.created_at")
    revision: int = Field(validation_alias="schedule.revision", description="grows with every change of the schedule")
    url: str

    @staticmethod
    def resolve_version(detail: ScheduleDetail) -> int | None:
        return None if detail.schedule.version is None else detail.schedule.version.number

    @staticmethod
    def resolve_off_for(detail: ScheduleDetail) -> str | None:
        return detail.schedule.off_for or None

    @staticmethod
    def resolve_next(detail: ScheduleDetail) -> list[str]:
        return [time_text(moment) for moment in detail.next_times]

    @staticmethod
    def resolve_last(detail: ScheduleDetail) -> ScheduleTime | None:
        return detail.last

    @staticmethod
    def resolve_at_limit(detail: ScheduleDetail) -> str | None:
        return detail.schedule.at_limit or None

    @staticmethod
    def resolve_owner(detail: ScheduleDetail) -> str | None:
        return None if detail.schedule.owner is None else str(detail.schedule.owner)

    @staticmethod
    def resolve_url(detail: ScheduleDetail) -> str:
        return schedule_url(detail.schedule)


class ScheduleList(Schema):
    items: list[ScheduleSummary]
    next: TextOrNull


class ScheduleTimeCounts(Schema):
    """How many of its times there were so far, those that are listed no more among them."""

    launched: int = Field(description="by hand too")
    skipped: int
    missed: int
    refused: int
    off: int = Field(description="it went off by itself")
    forgotten: int = Field(description="of those that launched nothing, how many are listed no more")
    more_missed: bool = Field(description="a missed time stands for others before it, which were too many to list")


class ScheduleOut(ScheduleSummary):
    counts: ScheduleTimeCounts
    times: list[ScheduleTimeOut] = Field(description="a page of what became of its times, the newest first")
    times_next: TextOrNull
    unfit: TextOrNull = Field(
        description="why its next launch would be refused, as the crew's inputs and the set's columns are now"
    )
