"""What the API answers about data sets and schedules, as far as this client reads it."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from crewsite_client.shapes import Time, Usd

Overlap = Literal["skip", "queue"]


class DataSet(TypedDict):
    """``version`` is the newest one, which ``rows`` and ``columns`` are of."""

    name: str
    revision: int
    archived: bool
    version: int
    rows: int
    columns: list[str]
    created_at: Time
    changed_at: Time
    url: str


class DataSets(TypedDict):
    items: list[DataSet]
    next: str | None


class DataSetVersion(TypedDict):
    version: int
    rows: int
    columns: list[str]
    created_at: Time
    created_by: str | None


class DataSetVersions(TypedDict):
    items: list[DataSetVersion]
    next: str | None


class DataSetRow(TypedDict):
    row: int
    inputs: dict[str, Any]


class DataSetRows(TypedDict):
    version: int
    items: list[DataSetRow]
    next: str | None


class DataSetColumn(TypedDict):
    """``kind``: what all its filled cells can be read as."""

    name: str
    kind: str
    filled: int
    empty: int
    different: int
    longest: int


class DataSetColumns(TypedDict):
    """By the first ``looked_at`` rows."""

    version: int
    rows: int
    looked_at: int
    items: list[DataSetColumn]


class DataSetChanges(TypedDict):
    same: int
    added: int
    removed: int
    repeated: int
    columns_added: list[str]
    columns_removed: list[str]
    refused: str | None


class DataSetPreview(TypedDict):
    """What rows would change, added ``behind`` those of the newest version, or ``alone``."""

    rows: int
    columns: list[DataSetColumn]
    behind: DataSetChanges
    alone: DataSetChanges


class NextTimes(TypedDict):
    next: list[Time]
    in_words: list[str]


class ScheduleTime(TypedDict):
    """What became of one of its times."""

    id: str
    due_at: Time
    outcome: str
    says: str | None
    earlier_too: bool
    run: str | None
    batch: str | None


class Schedule(TypedDict):
    id: str
    name: str
    crew: str
    version: int | None
    dataset: str | None
    columns: dict[str, str]
    inputs: dict[str, Any]
    cron: str
    time_zone: str
    on: bool
    off_for: str | None
    next: list[Time]
    last: ScheduleTime | None
    overlap: Overlap
    catch_up: bool
    simulated: bool | None
    budget_usd: Usd | None
    batch_budget_usd: Usd | None
    max_concurrency: int | None
    stop_after_failures: int | None
    owner: str | None
    waiting_since: Time | None
    created_at: Time
    revision: int
    url: str


class Schedules(TypedDict):
    items: list[Schedule]
    next: str | None


class ScheduleTimeCounts(TypedDict):
    """Of all its times so far. ``forgotten``: of those that launched nothing, how many are listed no more."""

    launched: int
    skipped: int
    missed: int
    refused: int
    off: int
    forgotten: int
    more_missed: bool


class ScheduleHistory(Schedule):
    """With a page of what became of its times, the newest first, and why its next launch would be refused
    (``unfit``)."""

    counts: ScheduleTimeCounts
    unfit: str | None
    times: list[ScheduleTime]
    times_next: str | None
