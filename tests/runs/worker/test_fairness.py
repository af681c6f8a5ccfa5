"""Whose turn it is: the team with the least in progress, then priority and age; what was under way before all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from agents_app.models import Crew
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Run
from runs.states import Priority, RunState
from runs.worker import next_run
from runs.worker.process import WorkerProcess
from teams.access import Principal
from tests.cast import Cast, make_crew
from tests.ledger import make_run

pytestmark = pytest.mark.django_db(transaction=True)

INPUTS = {"company": "Acme"}


def queued(who: Principal, crew: Crew, *, priority: str = Priority.NORMAL) -> Run:
    return launch(who, crew, LaunchOrder(inputs=INPUTS, priority=priority))


def next_ids(count: int, *, full: set[int] | None = None) -> list[UUID]:
    claimed = (next_run.claim_next(owner="worker-1", full=full or set()) for _ in range(count))
    return [run.pk for run in claimed if run is not None]


def test_the_oldest_run_of_a_team_comes_first(cast: Cast, crew: Crew) -> None:
    runs = [queued(cast.owner, crew) for _ in range(3)]
    assert next_ids(4) == [run.pk for run in runs]


def test_within_a_team_priority_comes_before_age(cast: Cast, crew: Crew) -> None:
    low, normal, high = (queued(cast.owner, crew, priority=priority) for priority in ("low", "normal", "high"))
    assert next_ids(3) == [high.pk, normal.pk, low.pk]


def test_a_long_queue_of_one_team_is_no_queue_for_another(cast: Cast, crew: Crew) -> None:
    for _ in range(20):
        queued(cast.owner, crew)
    assert len(next_ids(3)) == 3
    single = queued(cast.stranger, make_crew(cast.stranger), priority="low")
    assert next_ids(1) == [single.pk]


def test_two_long_queues_take_turns(cast: Cast, crew: Crew) -> None:
    other = make_crew(cast.stranger)
    for _ in range(6):
        queued(cast.owner, crew)
    for _ in range(6):
        queued(cast.stranger, other)
    teams = [Run.objects.get(pk=run).team_id for run in next_ids(8)]
    assert teams.count(cast.team.pk) == teams.count(cast.stranger.team.pk) == 4


def test_a_run_that_was_under_way_comes_before_all_that_were_not(cast: Cast, crew: Crew) -> None:
    begun = queued(cast.owner, crew)
    assert next_ids(1) == [begun.pk]
    queued(cast.owner, crew, priority="high")
    Run.objects.filter(pk=begun.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert next_ids(1) == [begun.pk]


def test_a_team_that_has_enough_is_passed_over(cast: Cast, crew: Crew) -> None:
    queued(cast.owner, crew)
    other = queued(cast.stranger, make_crew(cast.stranger))
    assert next_ids(2, full={cast.team.pk}) == [other.pk]


def test_every_run_is_claimed_once_by_many_who_claim_at_once(cast: Cast, crew: Crew) -> None:
    runs = {queued(cast.owner, crew).pk for _ in range(24)}

    def claim_all(number: int) -> list[UUID]:
        try:
            found = []
            while run := next_run.claim_next(owner=f"worker-{number}"):
                found.append(run.pk)
            return found
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        claimed = [pk for found in pool.map(claim_all, range(4)) for pk in found]
    assert len(claimed) == 24
    assert set(claimed) == runs


def test_nothing_is_claimed_where_nothing_waits(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew, state=RunState.SUCCEEDED)
    make_run(cast.owner, crew, state=RunState.WAITING, waiting_for="person")
    assert next_ids(1) == []


def test_a_process_keeps_an_eighth_of_itself_for_teams_that_do_not_fill_it(cast: Cast, crew: Crew) -> None:
    worker = WorkerProcess(capacity=8)
    try:
        for _ in range(8):
            queued(cast.owner, crew)

        def hold() -> Run | None:
            one = worker.hold(lambda: next_run.claim_next(owner=worker.name, full=worker.full_teams))
            return one and one[0]

        held = [hold() for _ in range(8)]
        assert [run is not None for run in held] == [True] * 7 + [False]
        newcomer = queued(cast.stranger, make_crew(cast.stranger))
        taken = hold()
        assert taken is not None
        assert taken.pk == newcomer.pk
    finally:
        for one in worker.held:
            worker.let_go(one)
        worker.stop(grace_s=0)
