"""Reads of runs and calls: lists by typed filter and keyset paging, details, sums and estimates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Count, F, FloatField, Func, Model, Q, QuerySet, Sum, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from runs.filters import RunFilter
from runs.models import Call, Run, TaskRun
from runs.states import RUN_LIVE, CallState, CostClass, RunState
from teams.access import Principal, visible_to
from teams.refusals import Invalid

Row = TypeVar("Row", bound=Model)

HISTORY = 50
SHOWN_CALLS = 200
SORTS = {"newest": "", "cost": "spent_nusd", "duration": "seconds", "tokens": "tokens"}


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list; ``next`` is the cursor of the following one, "" at the end."""

    items: Sequence[Row]
    next: str


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over the calls that share a key: an agent, a model, a task or a cost class.

    ``saved_nusd`` is what reused replies and outputs spared; ``unpriced_reuses`` those where nobody knows it.
    """

    key: str
    calls: int
    successful_requests: int
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    spent_nusd: int
    unpriced_calls: int
    saved_nusd: int = 0
    unpriced_reuses: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class RunDetail:
    """What a run's page is made of. ``calls`` are the first ``SHOWN_CALLS`` without their messages and replies."""

    tasks: Sequence[TaskRun]
    calls: Sequence[Call]
    call_count: int
    by_agent: Sequence[UsageRow]
    by_model: Sequence[UsageRow]
    by_class: Sequence[UsageRow]

    @property
    def settled_calls(self) -> int:
        """Calls of every kind that have ended, also failed ones."""
        return sum(row.calls for row in self.by_class)

    @property
    def reused(self) -> UsageRow | None:
        """What was taken from caches instead of being asked for; None if nothing was."""
        return next((row for row in self.by_class if row.key == CostClass.CACHE_HIT), None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Medians of earlier runs: seconds from claim to end, and cost in 1e-9 USD. ``runs`` is how many they come from."""

    seconds: float
    cost_nusd: int
    runs: int


def list_runs(
    who: Principal, run_filter: RunFilter, *, sort: str = "newest", cursor: str = "", limit: int = 50
) -> Page[Run]:
    """The team's runs that fit the filter, largest first by ``sort``. One query, whatever the page."""
    if sort not in SORTS:
        raise Invalid(f"Sort by one of {', '.join(SORTS)}.", fields={"sort": "Unknown order."})
    runs = run_filter.apply(visible_to(who, Run)).select_related("crew", "version", "team", "created_by")
    if SORTS[sort]:
        return _page_by_value(_with_sort_values(runs), SORTS[sort], cursor, limit)
    if cursor:
        runs = runs.filter(pk__lt=_uuid(cursor))
    rows = list(runs.order_by("-pk")[: limit + 1])
    return Page(rows[:limit], str(rows[limit - 1].pk) if len(rows) > limit else "")


def count_newer(who: Principal, run_filter: RunFilter, *, than: str) -> int:
    """How many runs that fit the filter were launched after the given one."""
    return run_filter.apply(visible_to(who, Run)).filter(pk__gt=_uuid(than)).count()


def state_counts(who: Principal) -> dict[str, int]:
    """How many of the team's runs are in each state."""
    counts = visible_to(who, Run).values_list("state").annotate(Count("pk")).order_by()
    return dict.fromkeys(RunState.values, 0) | dict(counts)


def live_runs(who: Principal, *, most: int = 10) -> list[Run]:
    """The newest runs that have not ended."""
    runs = visible_to(who, Run).filter(state__in=RUN_LIVE).select_related("crew", "version", "team")
    return list(runs.order_by("-pk")[:most])


def last_runs(who: Principal, crew_ids: Sequence[int], *, each: int = 5) -> dict[int, list[Run]]:
    """The last runs of each of these crews, newest first. One query."""
    found: dict[int, list[Run]] = {pk: [] for pk in crew_ids}
    nth = Window(RowNumber(), partition_by=F("crew_id"), order_by=F("pk").desc())
    runs = visible_to(who, Run).filter(crew_id__in=crew_ids).annotate(nth=nth).filter(nth__lte=each)
    for run in runs.select_related("version", "team").order_by("-pk"):
        found[run.crew_id].append(run)
    return found


def run_detail(run: Run) -> RunDetail:
    """In a fixed number of queries, however many calls the run has."""
    calls = list(calls_of(run)[: SHOWN_CALLS + 1])
    return RunDetail(
        tasks=list(run.tasks.order_by("position")),
        calls=calls[:SHOWN_CALLS],
        call_count=len(calls) if len(calls) <= SHOWN_CALLS else run.calls.count(),
        by_agent=usage_by(run, "agent"),
        by_model=[row for row in usage_by(run, "model") if row.key],
        by_class=usage_by(run, "cost_class"),
    )


def calls_of(run: Run) -> QuerySet[Call]:
    """The run's calls in the order in which they were opened, without their bulky messages and replies."""
    return run.calls.select_related("task_run").defer("messages", "reply", "tool_output").order_by("pk")


def calls_of_task(task: TaskRun) -> list[Call]:
    """The task's first calls, co-workers' among them, without their bulky parts."""
    return list(calls_of(task.run).filter(task_run=task)[:SHOWN_CALLS])


def page_of_calls(run: Run, *, cursor: str = "", limit: int = 100, whole: bool = True) -> Page[Call]:
    """A page of calls in the order in which they were opened, with or without their messages and replies."""
    calls = run.calls.select_related("task_run").order_by("pk") if whole else calls_of(run)
    if cursor:
        calls = calls.filter(pk__gt=_uuid(cursor))
    rows = list(calls[: limit + 1])
    return Page(rows[:limit], str(rows[limit - 1].pk) if len(rows) > limit else "")


def call_neighbours(call: Call) -> tuple[Call | None, Call | None]:
    """The calls of the same run that were opened just before and after."""
    siblings = Call.objects.filter(run_id=call.run_id).only("pk", "run_id")
    before = siblings.filter(pk__lt=call.pk).order_by("-pk").first()
    return before, siblings.filter(pk__gt=call.pk).order_by("pk").first()


def usage_by(run: Run, part: str) -> list[UsageRow]:
    """The run's usage by ``agent``, ``model``, ``task`` or ``cost_class``; the rows sum to the run's own figures."""
    column = {"task": "task_run__key"}.get(part, part)
    settled = run.calls.exclude(state=CallState.INTENT)
    rows = settled.values(key=Coalesce(F(column), Value(""))).annotate(
        calls=Count("pk"),
        successful_requests=Count("pk", filter=Q(kind="model", state__in=("ok", "late"), cache_hit=False)),
        prompt=Sum("prompt_tokens"),
        cached=Sum("cached_prompt_tokens"),
        completion=Sum("completion_tokens"),
        spent=Coalesce(Sum("cost_nusd"), 0),
        unpriced=Count("pk", filter=Q(cost_nusd=None)),
        saved=Coalesce(Sum("saved_nusd"), 0),
        unpriced_reuses=Count("pk", filter=Q(cache_hit=True, saved_nusd=None) & ~Q(kind="tool")),
    )
    return [
        UsageRow(
            key=row["key"],
            calls=row["calls"],
            successful_requests=row["successful_requests"],
            prompt_tokens=row["prompt"],
            cached_prompt_tokens=row["cached"],
            completion_tokens=row["completion"],
            spent_nusd=row["spent"],
            unpriced_calls=row["unpriced"],
            saved_nusd=row["saved"],
            unpriced_reuses=row["unpriced_reuses"],
        )
        for row in rows.order_by("-spent", "key")
    ]


def estimate(run: Run) -> Estimate | None:
    """What this crew's succeeded runs took and cost; None without any, because there is nothing honest to say."""
    return estimate_of(run.crew_id, simulated=run.simulated)


def estimate_of(crew_id: int, *, simulated: bool) -> Estimate | None:
    """Medians over the crew's last fifty succeeded runs of this kind."""
    earlier = Run.objects.filter(crew_id=crew_id, simulated=simulated, state=RunState.SUCCEEDED, unpriced_calls=0)
    rows = list(earlier.order_by("-pk").values_list("started_at", "finished_at", "spent_nusd")[:HISTORY])
    if not rows:
        return None
    seconds = median((finished - started).total_seconds() for started, finished, _ in rows if started and finished)
    return Estimate(seconds, round(median(spent for _, _, spent in rows)), len(rows))


def neighbours(who: Principal, run: Run) -> tuple[Run | None, Run | None]:
    """The next newer and the next older run of the same crew."""
    siblings = visible_to(who, Run).filter(crew_id=run.crew_id).select_related("team")
    newer = siblings.filter(pk__gt=run.pk).order_by("pk").first()
    older = siblings.filter(pk__lt=run.pk).order_by("-pk").first()
    return newer, older


class _Seconds(Func):
    template = "extract(epoch from %(expressions)s)::float8"
    output_field = FloatField()


def _with_sort_values(runs: QuerySet[Run]) -> QuerySet[Run]:
    return runs.annotate(
        tokens=F("prompt_tokens") + F("completion_tokens"),
        seconds=Coalesce(_Seconds(F("finished_at") - F("started_at")), Value(0.0), output_field=FloatField()),
    )


def _page_by_value(runs: QuerySet[Run], column: str, cursor: str, limit: int) -> Page[Run]:
    """Keyset paging by (value, id), so that a page costs the same however deep it lies."""
    if cursor:
        value, _, last = cursor.partition("_")
        number = _number(value)
        runs = runs.filter(Q(**{f"{column}__lt": number}) | Q(**{column: number, "pk__lt": _uuid(last)}))
    rows = list(runs.order_by(f"-{column}", "-pk")[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, "")
    last_row = rows[limit - 1]
    return Page(rows[:limit], f"{getattr(last_row, column)}_{last_row.pk}")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."}) from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."})
    return number
