"""A small ledger on which every invariant holds, written row by row, so that a test may break just one of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.utils import timezone

from engine.record.journal import TaskStatus
from runs.closing.actions import close_month
from runs.ledger import rollups
from runs.models import Allowance, Bill, Call, Correction, Review, Run, TaskRun
from runs.states import CallState, RunState
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_call, make_run, make_task

AGO = timedelta(minutes=5)
NO_TOKENS = {"prompt_tokens": 0, "completion_tokens": 0}


@dataclass
class Books:
    """``done`` succeeded after a takeover, ``failed`` failed, ``busy`` is under way, ``waiting`` waits for a person and
    ``queued`` was launched just now."""

    cast: Cast
    done: Run
    failed: Run
    busy: Run
    waiting: Run
    queued: Run

    def call(self, **which: Any) -> Any:
        """The one call of ``done`` of which this is true, as a query set."""
        found = Call.objects.filter(run=self.done, **which)
        assert found.count() == 1
        return found


def make_books() -> Books:
    """Calls of every state, of models and tools, with retries, reuse and a takeover; every sum is that of its calls."""
    cast = make_cast()
    crew = make_crew(cast.owner)
    now = timezone.now()

    def run(state: RunState, **fields: Any) -> Run:
        return make_run(cast.runner, crew, state=state, lease_epoch=1, rung_at=now, **fields)

    lease = {"lease_owner": "worker-1", "lease_until": now + timedelta(seconds=30)}
    books = Books(
        cast=cast,
        done=make_run(cast.runner, crew, lease_epoch=2, idempotency_key="one"),
        failed=run(RunState.FAILED, idempotency_key="two"),
        busy=run(RunState.RUNNING, **lease),
        waiting=run(RunState.WAITING, waiting_for="person"),
        queued=make_run(cast.runner, crew, state=RunState.QUEUED, rung_at=now),
    )
    _fill_done(books.done)
    make_task(books.failed, "figures", state=TaskStatus.FAILED)
    make_task(books.failed, "brief", state=TaskStatus.CANCELLED)
    figures = make_task(books.busy, "figures", state=TaskStatus.RUNNING)
    _call(books.busy, task=figures)
    open_call(books.busy, task=figures, step=1, reserved_nusd=900_000)
    asked = make_task(books.waiting, "figures", state=TaskStatus.WAITING)
    Review.objects.create(task_run=asked, number=0, answer="Is this right?")
    make_task(books.queued, "figures")
    lost = _lost_last_month(books.failed)
    sum_up(cast)
    close_month(cast.owner, lost.billed_month)
    _correct(lost)
    sum_up(cast)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
    return books


def _fill_done(run: Run) -> None:
    figures, brief = (make_task(run, key, state=TaskStatus.SUCCEEDED) for key in ("figures", "brief"))
    make_task(run, "extra", state=TaskStatus.SKIPPED)
    refused = {"state": "error", "cost_class": "failed", "cost_nusd": 0, "reserved_nusd": 900_000, **NO_TOKENS}
    _call(run, task=None, purpose="planning", cost_class="planning")
    _call(run, task=figures, step=1, **refused)
    _call(run, task=figures, step=1, attempt=2, cost_class="retry", started_at=_after(run, 3), reasoning_tokens=7)
    _call(run, task=figures, step=2, kind="tool", tool="search", cost_nusd=0, **NO_TOKENS)
    _call(run, task=figures, step=3, cache_hit=True, cost_class="cache_hit", cost_nusd=0, **NO_TOKENS)
    lost = {"state": "unknown", "cost_class": "failed", "cost_nusd": 900_000, "reserved_nusd": 900_000, **NO_TOKENS}
    _call(run, task=brief, step=1, **lost)
    late = _call(run, task=brief, step=2, state="late", cost_class="duplicate")
    Correction.objects.create(call=late, booked_nusd=900_000, cost_nusd=750_000, month=late.billed_month)
    _call(run, task=brief, step=7, epoch=2, state="error", cost_class="failed", error_code="model_refused")
    unpriced = {"input_usd_per_mtok": None, "output_usd_per_mtok": None, "cost_nusd": None, "usage_estimated": True}
    _call(run, task=brief, step=8, epoch=2, **unpriced)
    _call(run, task=brief, step=9, epoch=2, cached_prompt_tokens=40, cache_write_tokens=10)


def this_month() -> date:
    return timezone.now().date().replace(day=1)


def last_month() -> date:
    return (this_month() - timedelta(days=1)).replace(day=1)


def _lost_last_month(run: Run) -> Call:
    lost = {"state": "unknown", "cost_class": "failed", "cost_nusd": 600_000, "reserved_nusd": 600_000, **NO_TOKENS}
    return make_call(run, step=1, billed_month=last_month(), **lost)


def _correct(lost: Call) -> None:
    """Its exact figure, more than was reserved, came when its month's bill was closed."""
    answered = {"prompt_tokens": 100, "completion_tokens": 50, "cost_nusd": 750_000}
    Call.objects.filter(pk=lost.pk).update(state="late", cost_class="duplicate", **answered)
    long_ago = timezone.now() - timedelta(hours=1)
    Correction.objects.create(call=lost, booked_nusd=600_000, cost_nusd=750_000, month=this_month(), made_at=long_ago)


def _after(run: Run, seconds: float) -> datetime:
    assert run.started_at is not None
    return run.started_at + timedelta(seconds=seconds)


def open_call(run: Run, **fields: Any) -> Call:
    """A call in flight."""
    opened = {"state": "intent", "finished_at": None, "cost_nusd": None, "latency_ms": None, "reply": None}
    return make_call(run, **(opened | NO_TOKENS | fields))


def _call(run: Run, **fields: Any) -> Call:
    return make_call(run, **({"reserved_nusd": 900_000} | fields))


SUMMED = (
    "prompt_tokens",
    "cached_prompt_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
)


def sum_up(cast: Cast) -> None:
    """Writes the sums anew, from the calls."""
    calls = list(Call.objects.all())
    for run in Run.objects.all():
        of_run = [call for call in calls if call.run_id == run.pk]
        _sum_into(run, of_run)
        run.reserved_nusd = _total(_open(of_run), "reserved_nusd")
        run.save()
    for task in TaskRun.objects.all():
        _sum_into(task, [call for call in calls if call.task_run_id == task.pk])
        task.save()
    _sum_up_months(cast, calls)
    rollups.rebuild(cast.team.pk)


def _sum_up_months(cast: Cast, calls: list[Call]) -> None:
    Bill.objects.filter(closed_at=None).delete()
    Allowance.objects.all().delete()
    moved = {made.call_id: made for made in Correction.objects.all()}
    spent: Counter[date] = Counter()
    for call in calls:
        made = moved.get(call.pk)
        spent[call.billed_month] += (call.cost_nusd if made is None else made.booked_nusd) or 0
        if made is not None:
            spent[made.month] += (made.cost_nusd or 0) - (made.booked_nusd or 0)
    for month, nusd in spent.items():
        reserved = _total([call for call in _open(calls) if call.billed_month == month], "reserved_nusd")
        sums = {"team": cast.team, "month": month, "spent_nusd": nusd, "reserved_nusd": reserved}
        if not Bill.objects.filter(team=cast.team, month=month).exists():
            Bill.objects.create(**sums)
        Allowance.objects.create(**sums, user=cast.runner.user)


def _sum_into(kept: Run | TaskRun, calls: list[Call]) -> None:
    for name in SUMMED:
        setattr(kept, name, _total(calls, name))
    settled = [call for call in calls if call.state != CallState.INTENT]
    answered = [call for call in settled if call.state in (CallState.OK, CallState.LATE)]
    kept.spent_nusd = _total(calls, "cost_nusd")
    kept.successful_requests = sum(call.kind == "model" and not call.cache_hit for call in answered)
    kept.unpriced_calls = sum(call.cost_nusd is None for call in settled)
    kept.estimated_calls = sum(call.usage_estimated for call in settled)


def _open(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.state == CallState.INTENT]


def _total(calls: list[Call], name: str) -> int:
    return sum(getattr(call, name) or 0 for call in calls)


def add_one(rows: Any, field: str) -> None:
    rows.update(**{field: F(field) + 1})


def without(*statements: str) -> None:
    """Takes constraints away, until the test's transaction is rolled back."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def now_open() -> QuerySet[Bill]:
    return Bill.objects.filter(closed_at=None)


def began(run: Run, **when: Any) -> None:
    """Sets times of the run to so long ago."""
    times = {name: timezone.now() - ago if isinstance(ago, timedelta) else ago for name, ago in when.items()}
    Run.objects.filter(pk=run.pk).update(**times)


def queued_after(run: Run, **fields: Any) -> Run:
    same = {"team": run.team, "crew": run.crew, "version": run.version, "created_by": run.created_by}
    return Run.objects.create(**(same | fields))
