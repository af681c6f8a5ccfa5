"""The cap of a team's runs under way at once: all workers together keep it, and what it keeps back says so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from agents_app.models import Crew
from runs.bounds.runs_at_once import fitting, is_full
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.ledger import transitions
from runs.ledger.lease import Held
from runs.limits.actions import TeamLimits, set_limits
from runs.models import Run, WorkerSeen
from runs.operations.queries import operations
from runs.states import PERSON, PLACE, QUEUE, RunState
from runs.worker import claim, execution, next_run
from runs.worker.bell import WORK
from runs.worker.process import WorkerProcess
from teams.access import Principal
from teams.models import Team
from tests.cast import Cast, make_crew
from tests.ledger import make_run
from tests.pages import signed_in
from tests.runs.answers import run_json, summary_json
from tests.runs.workers import expire, launched, task

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> SimpleQueue[str]:
    """What the broker is sent."""
    rung: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: rung.put(name))
    return rung


def cap(who: Principal, runs_at_once: int | None) -> None:
    set_limits(who, TeamLimits(runs_at_once=runs_at_once))
    who.team.refresh_from_db()


def queued(who: Principal, crew: Crew, number: int = 1, **order: Any) -> list[Run]:
    return [launch(who, crew, LaunchOrder(inputs={"company": "Acme"}, **order)) for _ in range(number)]


def claimed(number: int = 1) -> list[UUID]:
    """What so many looks for the next run give."""
    runs = (next_run.claim_next(owner="worker-1") for _ in range(number))
    return [run.pk for run in runs if run is not None]


def end(*run_ids: UUID) -> None:
    for run in Run.objects.filter(pk__in=run_ids):
        assert transitions.end(run, state=RunState.SUCCEEDED)


def under_way(team: Team) -> int:
    return Run.objects.filter(team=team, state=RunState.RUNNING).count()


def count_rung(bells: SimpleQueue[str], least: int) -> int:
    """How often the bell was rung: at least so often, and no more within a moment."""
    count = 0
    try:
        while bells.get(timeout=10 if count < least else 0.3) == WORK:
            count += 1
    except Empty:
        pass
    return count


class StopsAtItsFirstRun(WorkerProcess):
    """Is asked to stop while it carries out a run."""

    def hold(self, claim_one: Callable[[], Run | None]) -> tuple[Run, Held] | None:
        held = super().hold(claim_one)
        self.stopping.set()
        return held


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Does these at the same time, each in a thread and on a connection of its own."""
    ready = Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            ready.wait(timeout=30)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


class TestClaims:
    def test_as_many_as_the_cap_are_under_way_and_the_next_when_one_has_ended(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 2)
        runs = [run.pk for run in queued(cast.owner, crew, 4)]
        assert claimed(4) == runs[:2]
        assert claim.claim(runs[2], owner="worker-2") is None
        end(runs[0])
        assert claimed(4) == [runs[2]]

    def test_without_a_cap_there_is_none(self, cast: Cast, crew: Crew) -> None:
        runs = queued(cast.owner, crew, 4)
        assert claimed(4) == [run.pk for run in runs]

    def test_workers_that_claim_different_runs_at_once_never_exceed_it(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 2)
        runs = [run.pk for run in queued(cast.owner, crew, 2 + 6 * ROUNDS)]
        for _ in range(ROUNDS):
            left = list(Run.objects.filter(pk__in=runs, state=RunState.QUEUED).values_list("pk", flat=True)[:6])
            got = at_once([lambda pk=pk: claim.claim(pk, owner=f"worker-{pk}") for pk in left])
            assert len([run for run in got if run is not None]) == under_way(cast.team) == 2
            end(*(run.pk for run in got if run is not None))

    def test_workers_that_look_for_the_next_run_at_once_fill_the_places_and_no_more(
        self, cast: Cast, crew: Crew
    ) -> None:
        """Some end runs all the while, so that places come and go."""
        cap(cast.owner, 3)
        runs = {run.pk for run in queued(cast.owner, crew, 24)}
        seen: list[int] = []

        def carry_out_all() -> list[UUID]:
            done = []
            while run := next_run.claim_next(owner="worker"):
                seen.append(under_way(cast.team))
                end(run.pk)
                done.append(run.pk)
            return done

        got = [pk for pks in at_once([carry_out_all] * 6) for pk in pks]
        got += claimed(30)  # one that found all places taken gave up, as a worker that hears no further bell
        assert len(got) == len(set(got))
        assert set(got) <= runs
        assert max(seen) <= 3

    def test_a_run_that_lost_its_worker_is_taken_although_its_team_is_full(self, cast: Cast, crew: Crew) -> None:
        runs = queued(cast.owner, crew, 3)
        claimed(2)
        cap(cast.owner, 1)
        expire(runs[0])
        again = claim.claim(runs[0].pk, owner="worker-2")
        assert again is not None
        assert again.lease_epoch == 2
        expire(runs[1])
        assert claimed(3) == [runs[1].pk]

    def test_a_run_that_was_given_back_keeps_its_place(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 1)
        first, _ = queued(cast.owner, crew, 2)
        assert claimed(1) == [first.pk]
        claim.release([(first.pk, 1)])
        assert claimed(2) == [first.pk]

    def test_a_run_that_was_set_aside_leaves_its_place_and_needs_one_to_go_on(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 1)
        first, second = queued(cast.owner, crew, 2)
        assert claimed(1) == [first.pk]
        first.refresh_from_db()
        assert transitions.pause(first, waiting_for=PERSON)
        assert claimed(1) == [second.pk]
        assert transitions.queue_again(first.pk)
        assert claimed(1) == []
        end(second.pk)
        assert claimed(1) == [first.pk]

    def test_a_lower_cap_stops_nothing_and_lets_nothing_begin_until_there_is_room(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 3)
        runs = [run.pk for run in queued(cast.owner, crew, 5)]
        assert claimed(5) == runs[:3]
        cap(cast.owner, 2)
        end(runs[0])
        assert claimed(2) == []
        end(runs[1])
        assert claimed(2) == [runs[3]]

    def test_priority_and_age_decide_who_gets_a_place(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 1)
        (low,), (normal,), (high,) = (queued(cast.owner, crew, priority=each) for each in ("low", "normal", "high"))
        order = []
        for _ in range(3):
            order += claimed(3)
            end(order[-1])
        assert order == [high.pk, normal.pk, low.pk]

    def test_another_team_is_not_held_up(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 1)
        queued(cast.owner, crew, 20, priority="high")
        other = queued(cast.stranger, make_crew(cast.stranger), 3, priority="low")
        assert len(claimed(2)) == 2
        assert claimed(9) == [run.pk for run in other[1:]]

    def test_a_claim_of_a_full_team_under_way_makes_no_other_team_wait(self, cast: Cast, crew: Crew) -> None:
        """It holds its own team's lock until it commits."""
        for who in (cast.owner, cast.stranger):
            cap(who, 1)
        (mine,) = queued(cast.owner, crew)
        (other,) = queued(cast.stranger, make_crew(cast.stranger))
        with transaction.atomic():
            assert claim.claim(mine.pk, owner="worker-1") is not None
            with ThreadPoolExecutor(1) as pool:
                got = pool.submit(at_once, [lambda: claim.claim(other.pk, owner="worker-2")]).result(timeout=20)
        assert [run.pk for run in got] == [other.pk]

    def test_the_database_keeps_no_cap_below_one(self, cast: Cast) -> None:
        with pytest.raises(IntegrityError):
            Team.objects.filter(pk=cast.team.pk).update(runs_at_once=0)


class TestBells:
    """The sweep rings for no run that could not go on, and places that come free are rung for at once."""

    def test_the_sweep_leaves_out_queued_runs_of_a_full_team_and_no_others(self, cast: Cast, crew: Crew) -> None:
        cap(cast.owner, 2)
        lost, held, *_ = queued(cast.owner, crew, 5)
        claimed(2)
        expire(lost)
        other = queued(cast.stranger, make_crew(cast.stranger))
        Run.objects.update(rung_at=timezone.now() - timedelta(minutes=5))
        assert set(next_run.ring_again(patience_s=60)) == {lost.pk, other[0].pk}
        end(held.pk)
        assert len(next_run.ring_again(patience_s=60)) == 3

    def test_who_ends_a_run_takes_the_next_of_its_team(self, cast: Cast, worker: WorkerProcess) -> None:
        cap(cast.owner, 1)
        runs = [launched(cast.owner, task("only"), simulated=True) for _ in range(3)]
        execution.work(worker=worker)
        assert set(Run.objects.filter(pk__in=[run.pk for run in runs]).values_list("state", flat=True)) == {"succeeded"}

    def test_a_worker_that_stops_rings_for_the_place_that_its_last_run_left(
        self, cast: Cast, bells: SimpleQueue[str]
    ) -> None:
        cap(cast.owner, 1)
        runs = [launched(cast.owner, task("only"), simulated=True) for _ in range(3)]
        count_rung(bells, least=3)
        worker = StopsAtItsFirstRun(capacity=8)
        try:
            execution.work(worker=worker)
        finally:
            worker.stop(grace_s=1)
        assert [Run.objects.get(pk=run.pk).state for run in runs] == ["succeeded", "queued", "queued"]
        assert count_rung(bells, least=1) == 1

    def test_a_worker_that_takes_another_teams_run_rings_for_the_place_that_it_leaves(
        self, cast: Cast, bells: SimpleQueue[str]
    ) -> None:
        cap(cast.owner, 1)
        runs = [launched(who, task("only"), simulated=True) for who in (cast.owner, cast.stranger, cast.owner)]
        count_rung(bells, least=3)
        worker = WorkerProcess(capacity=1)
        try:
            execution.work(worker=worker)
        finally:
            worker.stop(grace_s=1)
        began = Run.objects.filter(state=RunState.SUCCEEDED).order_by("started_at")
        assert list(began.values_list("pk", flat=True)) == [run.pk for run in runs]
        assert count_rung(bells, least=1) == 1

    def test_nothing_is_rung_for_where_nothing_is_queued(
        self, cast: Cast, worker: WorkerProcess, bells: SimpleQueue[str]
    ) -> None:
        cap(cast.owner, 1)
        launched(cast.owner, task("only"), simulated=True)
        count_rung(bells, least=1)
        execution.work(worker=worker)
        assert count_rung(bells, least=0) == 0

    @pytest.mark.parametrize(("raised", "times"), [(2, 1), (3, 2), (None, 4), (1, 0)])
    def test_a_cap_that_is_raised_or_lifted_rings_for_those_that_fit(
        self, cast: Cast, crew: Crew, bells: SimpleQueue[str], raised: int | None, times: int
    ) -> None:
        cap(cast.owner, 1)
        queued(cast.owner, crew, 5)
        claimed(1)
        count_rung(bells, least=5)
        cap(cast.owner, raised)
        assert count_rung(bells, least=times) == times

    def test_what_fits_is_what_is_queued_in_its_order_as_far_as_there_are_places(self, cast: Cast, crew: Crew) -> None:
        runs = [run.pk for run in queued(cast.owner, crew, 4)]
        assert fitting(cast.team.pk, most=3) == runs[:3]
        cap(cast.owner, 2)
        claimed(1)
        assert fitting(cast.team.pk, most=3) == [runs[1]]
        claimed(1)
        assert is_full(cast.team)
        cap(cast.owner, 1)
        assert fitting(cast.team.pk, most=3) == []


class TestWhatPeopleAreTold:
    @pytest.fixture
    def kept_back(self, cast: Cast, crew: Crew) -> Run:
        """The second of two runs that wait for the one that is under way."""
        cap(cast.owner, 1)
        *_, last = queued(cast.owner, crew, 3)
        claimed(1)
        return last

    def test_the_api_tells_it_of_a_run_and_in_the_list(self, cast: Cast, kept_back: Run) -> None:
        kept_back.refresh_from_db()
        assert summary_json(kept_back)["waiting_for"] == PLACE
        assert run_json(kept_back)["waits"] == [{"for": PLACE, "task": None, "until": None, "ahead": 1}]
        assert run_json(kept_back)["waiting_for"] == PLACE
        end(*Run.objects.filter(state=RunState.RUNNING).values_list("pk", flat=True))
        assert summary_json(Run.objects.get(pk=kept_back.pk))["waiting_for"] == QUEUE

    def test_pages_tell_it_and_owners_where_to_change_it(self, cast: Cast, kept_back: Run) -> None:
        words = "waits for another run of the team to end or pause: at most 1 at once"
        for who, may in ((cast.owner, True), (cast.runner, False)):
            client = signed_in(who)
            page = client.get(f"/t/acme/runs/{kept_back.pk}/").content.decode()
            assert words in page
            assert ", 1 of your team before it" in page
            assert ('<a href="/t/acme/limits/">change that</a>' in page) is may
            for path in ("runs/", "runs/now/", f"runs/last/?crew={kept_back.crew.slug}"):
                assert "for other runs of the team" in client.get(f"/t/acme/{path}").content.decode(), path

    def test_a_list_asks_once_however_many_runs_wait(
        self, cast: Cast, crew: Crew, kept_back: Run, django_assert_max_num_queries: Any
    ) -> None:
        queued(cast.owner, crew, 5)
        client = signed_in(cast.viewer)
        client.get("/t/acme/runs/")
        with django_assert_max_num_queries(12):
            page = client.get("/t/acme/runs/").content.decode()
        assert page.count("for other runs of the team") == 7

    def test_operators_see_no_stuck_run_and_how_many_are_kept_back(self, cast: Cast, kept_back: Run) -> None:
        WorkerSeen.objects.create(name="host:1", capacity=8, holding=1)
        Run.objects.update(created_at=timezone.now() - timedelta(seconds=90))
        now = operations(cast.viewer)
        assert (now.stuck_count, now.kept_back, now.oldest_queued_s) == (0, 2, None)
        assert "2 for other runs of their teams" in signed_in(cast.viewer).get("/t/acme/workers/").content.decode()
        end(*Run.objects.filter(state=RunState.RUNNING).values_list("pk", flat=True))
        now = operations(cast.viewer)
        assert (now.stuck_count, now.kept_back) == (2, 0)
        assert (now.oldest_queued_s or 0) > 85

    def test_a_run_that_was_given_back_is_stuck_although_its_team_is_full(self, cast: Cast, kept_back: Run) -> None:
        WorkerSeen.objects.create(name="host:1", capacity=8, holding=1)
        (held,) = Run.objects.filter(state=RunState.RUNNING)
        claim.release([(held.pk, 1)])
        Run.objects.update(created_at=timezone.now() - timedelta(seconds=90))
        assert [line.id for line in operations(cast.viewer).stuck_runs] == [held.pk]

    def test_the_page_of_limits_sets_lifts_and_shows_it(self, cast: Cast) -> None:
        cap(cast.owner, 7)
        assert 'name="runs_at_once" value="7"' in signed_in(cast.owner).get("/t/acme/limits/").content.decode()
        assert "<td>7</td>" in signed_in(cast.viewer).get("/t/acme/limits/").content.decode()


def test_a_run_that_is_not_queued_is_never_kept_back(cast: Cast, crew: Crew) -> None:
    cap(cast.owner, 1)
    make_run(cast.owner, crew, state=RunState.RUNNING)
    done, asking = make_run(cast.owner, crew), make_run(cast.owner, crew, state=RunState.WAITING, waiting_for=PERSON)
    page = signed_in(cast.viewer).get("/t/acme/runs/").content.decode()
    assert "other runs" not in page
    assert [summary_json(run)["waiting_for"] for run in (done, asking)] == [None, PERSON]
