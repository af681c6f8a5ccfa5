"""What a run's page says of its time: exact to the millisecond, and the same as a comparison says."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from agents_app.models import Crew
from runs.compare.addresses import read
from runs.compare.sides import sides_of
from runs.models import Review, Run
from runs.run import page
from runs.run.findings.of_run import Findings
from runs.run.findings.wall import MODELS, MONEY, OWN, PEOPLE, QUEUE, RATE, SET_ASIDE, TOOLS
from runs.splits.why_time import paused, times_of
from runs.states import RunState
from tests.cast import Cast
from tests.ledger import make_call, make_run, make_task

pytestmark = pytest.mark.django_db


def findings(run: Run, cast: Cast) -> Findings:
    run.refresh_from_db()
    found: Findings = page.context(run, cast.owner)["findings"]
    return found


def wall(found: Findings) -> dict[str, int]:
    return {part.kind: part.wall_ms for part in found.parts if part.wall_ms}


def after(run: Run, seconds: float) -> Any:
    assert run.started_at is not None
    return run.started_at + timedelta(seconds=seconds)


def timed(run: Run, start: float, stop: float) -> dict[str, Any]:
    return {
        "started_at": after(run, start),
        "finished_at": after(run, stop),
        "latency_ms": round(1000 * (stop - start)),
    }


def a_run(cast: Cast, crew: Crew, **fields: Any) -> Run:
    run = make_run(cast.owner, crew, **fields)
    Run.objects.filter(pk=run.pk).update(created_at=after(run, -2.5))
    return run


def test_each_second_is_said_to_be_what_it_was(cast: Cast, crew: Crew) -> None:
    run = a_run(cast, crew, seconds=10, paused_s=2.0)
    task = make_task(run, "figures", started_at=after(run, 0.5), finished_at=after(run, 10))
    make_call(run, task=task, step=0, waited_ms=1000, budget_ms=400, **timed(run, 2, 4))
    make_call(run, task=task, step=1, kind="tool", tool="t", **timed(run, 4, 5))
    asked = Review.objects.create(task_run=task, number=0, answer="?", approved=True, decided_at=after(run, 7))
    Review.objects.filter(pk=asked.pk).update(asked_at=after(run, 6))
    found = findings(run, cast)
    assert wall(found) == {
        QUEUE: 2500,
        RATE: 600,
        MONEY: 400,
        MODELS: 2000,
        TOOLS: 1000,
        PEOPLE: 1000,
        SET_ASIDE: 1000,
        OWN: 4000,
    }
    assert found.wall_ms == 12_500
    held = found.held_back["figures"]
    assert (held.after, held.rate_ms, held.budget_ms, held.person_ms) == ("", 600, 400, 1000)


def test_how_many_tasks_ran_at_once(cast: Cast, crew: Crew) -> None:
    run = a_run(cast, crew, seconds=10)
    make_task(run, "figures", **{key: timed(run, 0, 8)[key] for key in ("started_at", "finished_at")})
    make_task(run, "headlines", position=1, **{k: timed(run, 0, 7)[k] for k in ("started_at", "finished_at")})
    found = findings(run, cast)
    assert (found.task_ms, found.work_ms, found.at_once) == (15_000, 10_000, 1.5)
    assert found.at_once_ms == -7000 + 2000


@pytest.mark.parametrize("seed", range(12))
def test_the_page_and_a_comparison_say_the_same(cast: Cast, crew: Crew, seed: int) -> None:
    chance = random.Random(seed)
    seconds = chance.uniform(1, 60)
    run = a_run(cast, crew, seconds=seconds, paused_s=chance.choice((0.0, chance.uniform(0, 5))))
    for place, key in enumerate(("figures", "headlines", "brief")):
        start, stop = sorted(chance.uniform(0, seconds) for _ in "ab")
        span = {"started_at": after(run, start), "finished_at": after(run, stop)}
        task = make_task(run, key, position=place, **(span if chance.random() < 0.9 else {}))
        for step in range(chance.randrange(6) if task.started_at else 0):
            begin, end = sorted(chance.uniform(start, stop) for _ in "ab")
            kind = chance.choice(("model", "model", "tool", "task"))
            branch = chance.choice(("", "", "0."))
            waited = chance.choice((0, chance.randrange(2000)))
            place_of = {"kind": kind, "branch": branch, "waited_ms": waited, "budget_ms": waited // 3}
            make_call(run, task=task, step=step, **place_of, **timed(run, begin, end))
        if task.started_at and chance.random() < 0.4:
            asked = Review.objects.create(
                task_run=task, number=0, answer="?", approved=True, decided_at=after(run, stop)
            )
            Review.objects.filter(pk=asked.pk).update(asked_at=after(run, start))
    make_call(run, step=0, purpose="planning", cost_class="planning", **timed(run, 0, 0.2))
    found = findings(run, cast)
    (side,), _ = sides_of(cast.owner, read(QueryDict(f"runs={run.pk}")))
    times = times_of(side).values()
    added = {part.kind: part.task_ms for part in found.parts}
    expected = {
        QUEUE: side.totals.queue_ms,
        MODELS: sum(row.latency_ms for row in side.calls if row.kind != "tool"),
        TOOLS: sum(time.tools for time in times),
        PEOPLE: sum(time.person for time in times),
        SET_ASIDE: paused(side),
        OWN: sum(time.own for time in times),
    }
    assert {kind: added.get(kind, 0) for kind in expected} == expected
    assert added.get(RATE, 0) + added.get(MONEY, 0) == sum(time.waited for time in times)
    assert found.wall_ms == side.totals.queue_ms + side.totals.duration_ms
    assert sum(part.wall_ms for part in found.parts) == found.wall_ms
    assert sum(added.values()) + found.at_once_ms == found.wall_ms


def test_a_run_that_nobody_began_only_waited(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew, state=RunState.QUEUED)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(seconds=30))
    found = findings(run, cast)
    assert set(wall(found)) == {QUEUE}
    assert 30_000 <= found.wall_ms < 60_000
    assert found.at_once is None


def test_of_more_calls_than_are_shown_all_count(cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(cast, crew, seconds=10)
    task = make_task(run, "figures", started_at=after(run, 0), finished_at=after(run, 10))
    for step in range(6):
        make_call(run, task=task, step=step, **timed(run, step, step + 0.5))
    whole = wall(findings(run, cast))
    monkeypatch.setattr("runs.run.queries.SHOWN_CALLS", 2)
    assert wall(findings(run, cast)) == whole
    assert whole[MODELS] == 3000
