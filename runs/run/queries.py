"""Reads of one run: its tasks, its calls in pages, and what it used, by agent, model, task or cost class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Prefetch, Q, QuerySet, Sum, Value, prefetch_related_objects
from django.db.models.functions import Coalesce

from runs.models import Call, Review, Run, TaskRun
from runs.paging import Page, page_of
from runs.states import CallState, CostClass
from teams.access import Principal, visible_to

SHOWN_CALLS = 200


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over the calls that share a key."""

    key: str  # an agent's, a model's, a task's or a cost class
    calls: int
    successful_requests: int
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    spent_nusd: int
    unpriced_calls: int
    saved_nusd: int = 0  # what reused replies and outputs would have cost
    unpriced_reuses: int = 0  # reuses of which nobody knows what they saved

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class RunDetail:
    """What a run's page is made of."""

    tasks: Sequence[TaskRun]
    calls: Sequence[Call]  # the first SHOWN_CALLS, without their messages and replies
    call_count: int  # of all calls
    by_agent: Sequence[UsageRow]
    by_model: Sequence[UsageRow]
    by_class: Sequence[UsageRow]

    @property
    def settled_calls(self) -> int:
        """How many calls have ended, failed ones included."""
        return sum(row.calls for row in self.by_class)

    @property
    def reused(self) -> UsageRow | None:
        """What was taken from caches; None if nothing was."""
        return next((row for row in self.by_class if row.key == CostClass.CACHE_HIT), None)


def with_tasks(run: Run) -> Run:
    """Reads the tasks into ``run.tasks`` in their order, each with what it asks people now as ``open_reviews``. Two
    queries."""
    asked = Review.objects.filter(approved=None).select_related("call")
    tasks = TaskRun.objects.order_by("position").prefetch_related(Prefetch("reviews", asked, to_attr="open_reviews"))
    prefetch_related_objects([run], Prefetch("tasks", tasks))
    return run


def run_detail(run: Run) -> RunDetail:
    """A fixed number of queries, however many calls the run has."""
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
    """The run's calls in the order in which they were opened, without messages, replies and tool outputs."""
    return run.calls.select_related("task_run").defer("messages", "reply", "tool_output").order_by("pk")


def calls_of_task(task: TaskRun) -> list[Call]:
    """The task's first ``SHOWN_CALLS`` calls, its co-workers' included, as ``calls_of`` reads them."""
    return list(calls_of(task.run).filter(task_run=task)[:SHOWN_CALLS])


def page_of_calls(run: Run, *, cursor: str = "", limit: int = 100, whole: bool = True) -> Page[Call]:
    """A page of calls in the order in which they were opened; unless ``whole`` as ``calls_of`` reads them."""
    calls = run.calls.select_related("task_run") if whole else calls_of(run)
    return page_of(calls, "pk", cursor=cursor, limit=limit)


def call_neighbours(call: Call) -> tuple[Call | None, Call | None]:
    """The calls of the same run that were opened just before and after."""
    siblings = Call.objects.filter(run_id=call.run_id).only("pk", "run_id")
    before = siblings.filter(pk__lt=call.pk).order_by("-pk").first()
    return before, siblings.filter(pk__gt=call.pk).order_by("pk").first()


def usage_by(run: Run, part: str) -> list[UsageRow]:
    """The run's usage by ``agent``, ``model``, ``task`` or ``cost_class``. The rows sum to the run's own figures."""
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


def neighbours(who: Principal, run: Run) -> tuple[Run | None, Run | None]:
    """The next newer and the next older run of the same crew."""
    siblings = visible_to(who, Run).filter(crew_id=run.crew_id).select_related("team")
    newer = siblings.filter(pk__gt=run.pk).order_by("pk").first()
    older = siblings.filter(pk__lt=run.pk).order_by("-pk").first()
    return newer, older
