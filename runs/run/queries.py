"""Reads of one run: its tasks, its calls in pages, and what it used, by agent, model, task or cost class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Case, Prefetch, Q, QuerySet, TextField, Value, When, prefetch_related_objects
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left
from psycopg.sql import SQL
from psycopg.types.datetime import TimestamptzLoader

from runs.models import Call, Review, Run, TaskRun
from runs.paging import Page, page_of
from runs.run.findings.of_run import CallTime
from runs.sql import listed, statement
from runs.states import WASTED, CallState, CostClass
from teams.access import Principal

SHOWN_CALLS = 200
FIRST_CHARS = 160
LONG_BYTES = 20_000
"""A reply that takes more, packed, is not unpacked for its first words."""
_REPLY_TEXT = RawSQL("left(runs_call.reply->>'text', %s)", [FIRST_CHARS])
_SHORT = RawSQL("pg_column_size(runs_call.reply) <= %s", [LONG_BYTES], output_field=BooleanField())
FIRST_WORDS = (
    When(kind="tool", then=Left("arguments", FIRST_CHARS)),
    When(Q(reply__isnull=False) & Q(_SHORT), then=_REPLY_TEXT),
)

SHOWN = (
    *("id", "run_id", "task_run_id", "agent", "branch", "step", "attempt", "kind", "purpose", "cost_class"),
    *("refused_by", "state", "error", "finish_reason", "model", "tool"),
    *("prompt_tokens", "cached_prompt_tokens", "completion_tokens", "usage_estimated"),
    *("cost_nusd", "reserved_nusd", "saved_nusd", "cache_hit", "cache_age_s"),
    *("started_at", "finished_at", "latency_ms", "waited_ms", "budget_ms"),
)
"""What tables and waterfalls show of a call, beside its first words."""
_COLUMNS = [field.attname for field in Call._meta.concrete_fields if field.attname in SHOWN]
"""The same in the order of the model's fields, which ``from_db`` takes them in."""
_FIRST_CALLS = statement(
    """
    SELECT {columns}, CASE WHEN kind = 'tool' THEN left(arguments, {chars})
        WHEN reply IS NOT NULL AND pg_column_size(reply) <= {long} THEN left(reply->>'text', {chars}) ELSE '' END
    FROM runs_call WHERE run_id = %s ORDER BY id LIMIT %s
    """,
    columns=listed(_COLUMNS),
    chars=SQL(str(FIRST_CHARS)),
    long=SQL(str(LONG_BYTES)),
)
_TIMES = statement("SELECT {columns} FROM runs_call WHERE run_id = %s", columns=listed(CallTime._fields))

# One row for each agent, model, task and cost class, in the order of ``UsageRow``'s fields.
USAGE = """
    SELECT CASE 0 WHEN GROUPING(call.agent) THEN 'agent' WHEN GROUPING(model) THEN 'model'
                  WHEN GROUPING(cost_class) THEN 'cost_class' ELSE 'task' END AS part,
           coalesce(call.agent, model, cost_class, task.key, '') AS key,
           count(*) AS calls,
           count(*) FILTER (WHERE kind = 'model' AND call.state IN ('ok', 'late') AND NOT cache_hit),
           sum(call.prompt_tokens)::bigint,
           sum(call.cached_prompt_tokens)::bigint,
           sum(call.completion_tokens)::bigint,
           coalesce(sum(cost_nusd), 0)::bigint AS spent_nusd,
           count(*) FILTER (WHERE cost_nusd IS NULL),
           coalesce(sum(saved_nusd), 0)::bigint,
           count(*) FILTER (WHERE cache_hit AND saved_nusd IS NULL AND kind <> 'tool'),
           coalesce(sum(latency_ms) FILTER (WHERE kind <> 'tool'), 0),
           coalesce(sum(latency_ms) FILTER (WHERE kind = 'tool'), 0),
           coalesce(sum(waited_ms), 0),
           coalesce(sum(budget_ms), 0),
           coalesce(sum(waited_ms + coalesce(latency_ms, 0)) FILTER (WHERE branch <> ''), 0)
    FROM runs_call AS call LEFT JOIN runs_taskrun AS task ON task.id = call.task_run_id
    WHERE call.run_id = %s AND call.state <> 'intent'
    GROUP BY GROUPING SETS ((call.agent), (model), (cost_class), (task.key))
    ORDER BY spent_nusd DESC, key
"""
NEIGHBOURS = """
    (SELECT id FROM runs_run WHERE team_id = %(team)s AND crew_id = %(crew)s AND id > %(run)s ORDER BY id LIMIT 1)
    UNION ALL
    (SELECT id FROM runs_run WHERE team_id = %(team)s AND crew_id = %(crew)s AND id < %(run)s ORDER BY id DESC LIMIT 1)
"""


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
    asked_ms: int = 0  # what models took, and outputs that were taken over
    tool_ms: int = 0
    waited_ms: int = 0
    budget_ms: int = 0  # of that for money that calls in flight held
    nested_ms: int = 0  # of co-workers' calls, waits included, which lie within tool calls

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
    by_task: Sequence[UsageRow]
    times: Sequence[CallTime]  # of all calls

    @property
    def settled_calls(self) -> int:
        """How many calls have ended, failed ones included."""
        return sum(row.calls for row in self.by_class)

    @property
    def is_planned(self) -> bool:
        """Whether the crew made calls of its own, such as planning."""
        return any(not row.key for row in self.by_task)

    @property
    def reused(self) -> UsageRow | None:
        """What was taken from caches; None if nothing was."""
        return next((row for row in self.by_class if row.key == CostClass.CACHE_HIT), None)


def locked_revision(run: Run) -> int:
    """The run's revision, which nobody changes until the transaction ends."""
    return Run.objects.select_for_update().values_list("revision", flat=True).get(pk=run.pk)


def with_tasks(run: Run) -> Run:
    """Reads the tasks into ``run.tasks`` in their order, each with what it asks people now as ``open_reviews``. Two
    queries."""
    asked = Review.objects.filter(approved=None).select_related("call")
    tasks = TaskRun.objects.order_by("position").prefetch_related(Prefetch("reviews", asked, to_attr="open_reviews"))
    prefetch_related_objects([run], Prefetch("tasks", tasks))
    return run


def run_detail(run: Run) -> RunDetail:
    """A fixed number of queries, however many calls the run has."""
    tasks = list(run.tasks.order_by("position"))
    calls = _calls_within(run, tasks)
    usage = usage_of(run)
    return RunDetail(
        tasks=tasks,
        calls=calls[:SHOWN_CALLS],
        call_count=len(calls) if len(calls) <= SHOWN_CALLS else run.calls.count(),
        by_agent=usage["agent"],
        by_model=[row for row in usage["model"] if row.key],
        by_class=usage["cost_class"],
        by_task=usage["task"],
        times=call_times(run) if len(calls) > SHOWN_CALLS else [_time_of(call) for call in calls],
    )


def _calls_within(run: Run, tasks: Sequence[TaskRun]) -> list[Call]:
    """The run's first calls and one more than are shown, as ``calls_of`` reads them, each with its task. A run has all
    its tasks from the launch on, so none is missing here."""
    with connection.cursor() as cursor:
        _read_moments_in_c(cursor)
        cursor.execute(_FIRST_CALLS, [run.pk, SHOWN_CALLS + 1])
        rows = cursor.fetchall()
    task_of = {task.pk: task for task in tasks}
    calls = []
    for *columns, said in rows:
        call = Call.from_db(run._state.db, _COLUMNS, columns)
        call.said = said  # type: ignore[attr-defined]
        call.run, call.task_run = run, None if call.task_run_id is None else task_of[call.task_run_id]
        calls.append(call)
    return calls


def call_times(run: Run) -> list[CallTime]:
    """When each call of the run was made. One query, some 20 bytes a call."""
    with connection.cursor() as cursor:
        _read_moments_in_c(cursor)
        cursor.execute(_TIMES, [run.pk])
        return [CallTime(*row) for row in cursor.fetchall()]


def _read_moments_in_c(cursor: Any) -> None:
    """Django's own loader of moments is written in Python; this one is psycopg's in C, and gives the same moments."""
    cursor.adapters.register_loader("timestamptz", TimestamptzLoader)


def _time_of(call: Call) -> CallTime:
    return CallTime(*(getattr(call, name) for name in CallTime._fields))


def calls_of(run: Run) -> QuerySet[Call]:
    """The run's calls in the order in which they were opened, without messages, replies, arguments and tool outputs.

    Of these there are the first words as ``said``: of a model's answer, or of what a tool was called with.
    """
    calls = run.calls.select_related("task_run").only(*SHOWN, *(f"task_run__{name}" for name in ("key", "name")))
    return calls.annotate(said=Case(*FIRST_WORDS, default=Value(""), output_field=TextField())).order_by("pk")


def calls_of_task(task: TaskRun) -> list[Call]:
    """The task's first ``SHOWN_CALLS`` calls, its co-workers' included, as ``calls_of`` reads them."""
    return list(calls_of(task.run).filter(task_run=task)[:SHOWN_CALLS])


def page_of_calls(run: Run, *, cursor: str = "", limit: int = 100, whole: bool = True, waste: str = "") -> Page[Call]:
    """A page of calls in the order in which they were opened; unless ``whole`` as ``calls_of`` reads them. ``waste``: a
    reason of ``states.waste_of``, for those that were paid in vain for it."""
    calls = run.calls.select_related("task_run") if whole else calls_of(run)
    if waste in WASTED:
        calls = calls.filter(cost_class=waste)
    elif waste:
        calls = calls.exclude(cost_class__in=WASTED).exclude(state=CallState.INTENT)
    return page_of(calls, "pk", cursor=cursor, limit=limit)


def call_neighbours(call: Call) -> tuple[Call | None, Call | None]:
    """The calls of the same run that were opened just before and after."""
    siblings = Call.objects.filter(run_id=call.run_id).only("pk", "run_id")
    before = siblings.filter(pk__lt=call.pk).order_by("-pk").first()
    return before, siblings.filter(pk__gt=call.pk).order_by("pk").first()


def usage_by(run: Run, part: str) -> list[UsageRow]:
    """The run's usage by ``agent``, ``model``, ``task`` or ``cost_class``. The rows sum to the run's own figures."""
    return usage_of(run)[part]


def usage_of(run: Run) -> dict[str, list[UsageRow]]:
    """The run's usage by each of the four, the dearest first, from one look at its calls."""
    usage: dict[str, list[UsageRow]] = {"agent": [], "model": [], "task": [], "cost_class": []}
    with connection.cursor() as cursor:
        cursor.execute(USAGE, [run.pk])
        for part, *figures in cursor.fetchall():
            usage[part].append(UsageRow(*figures))
    return usage


def neighbours(who: Principal, run: Run) -> tuple[Run | None, Run | None]:
    """The next newer and the next older run of the same crew, their ids alone. One query."""
    found = list(Run.objects.raw(NEIGHBOURS, {"team": who.team.pk, "crew": run.crew_id, "run": run.pk}))
    newer = next((other for other in found if other.pk > run.pk), None)
    return newer, next((other for other in found if other.pk < run.pk), None)
