"""Rows become runs as far as their batch has room, once each, whoever feeds at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from agents_app.actions import archive_crew
from agents_app.models import Crew
from runs.batches.actions import add_rows, cancel, pause, resume, retry_failed
from runs.batches.queries import detail
from runs.feeding.batch_bounds import budget_in_words
from runs.feeding.feed import MOST_BATCHES, feed
from runs.launch.order import LaunchOrder
from runs.ledger import invariants
from runs.models import Batch, BatchRow, Run
from runs.states import RUN_LIVE, RunState
from runs.worker import execution
from runs.worker.process import WorkerProcess
from teams.actions import issue_token, revoke_token
from teams.models import ApiToken, Membership, Scope, Team
from teams.refusals import Conflict
from tests.cast import Cast, make_crew, maker_of
from tests.runs.batches.made import end, fed, make_batch, states
from tests.runs.workers import in_thread

CENTS = LaunchOrder(simulated=True, budget_usd=Decimal("0.10"))
TEN_CENTS = 100_000_000


@pytest.mark.django_db
class TestFeed:
    def test_a_row_gets_its_run_when_there_is_room_for_it(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(
            cast.runner, crew, rows=5, max_concurrency=2, run=LaunchOrder(simulated=True, priority="low")
        )
        assert not Run.objects.exists()
        first, second = fed(batch)
        assert (first.batch_row, second.batch_row) == (1, 2)
        assert first.inputs == {"company": "Acme 1"}
        assert (first.state, first.priority, first.simulated) == ("queued", "low", True)
        assert (first.created_by, first.crew, first.version) == (cast.runner.user, crew, batch.version)
        assert [task.key for task in first.tasks.all()] == ["figures", "headlines", "brief"]
        assert feed() == []
        end(first, RunState.FAILED)
        (third,) = fed(batch)
        assert third.batch_row == 3

    def test_a_batch_is_done_once_every_row_has_ended(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=2)
        runs = fed(batch)
        end(runs[0])
        feed()
        assert states(batch) == ("running", "")
        end(runs[1], RunState.FAILED)
        feed()
        assert states(batch) == ("done", "")
        assert batch.finished_at is not None
        retry_failed(cast.runner, batch)
        assert states(batch) == ("running", "")
        (again,) = fed(batch)
        assert (again.batch_row, Run.objects.count()) == (2, 3)

    def test_failures_pause_it_and_are_counted_anew_once_it_goes_on(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=9, max_concurrency=2, stop_after_failures=2)
        for run in fed(batch):
            end(run, RunState.FAILED)
        assert fed(batch) == []
        assert states(batch) == ("paused", "failures")
        resume(cast.runner, batch)
        first, second = fed(batch)
        end(first, RunState.FAILED)
        assert len(fed(batch)) == 1
        end(second, RunState.FAILED)
        assert fed(batch) == []
        assert states(batch) == ("paused", "failures")

    def test_no_row_starts_that_the_budget_of_the_whole_might_not_cover(self, cast: Cast, crew: Crew) -> None:
        budget = Decimal("0.25")
        batch = make_batch(cast.runner, crew, rows=9, max_concurrency=5, run=CENTS, budget_usd=budget)
        runs = fed(batch)
        assert [run.budget_nusd for run in runs] == [TEN_CENTS] * 2
        assert fed(batch) == []
        assert states(batch) == ("running", "")  # those under way may leave enough
        end(runs[0], nusd=20_000_000)
        assert len(fed(batch)) == 1  # 2 cents spent, 10 held, 10 for this one
        for run in batch.runs.filter(state__in=RUN_LIVE):
            end(run, nusd=TEN_CENTS)
        assert fed(batch) == []
        assert states(batch) == ("paused", "budget")
        resume(cast.runner, batch, budget_usd=Decimal("0.33"))
        assert len(fed(batch)) == 1

    def test_where_only_the_whole_has_a_budget_rows_share_what_is_left_of_it(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=9, max_concurrency=4, budget_usd=Decimal("0.40"))
        runs = fed(batch)
        assert [run.budget_nusd for run in runs] == [TEN_CENTS] * 4
        end(runs[0], nusd=20_000_000)
        (fifth,) = fed(batch)
        assert fifth.budget_nusd == 80_000_000  # what the first has left: the other three still hold theirs
        for run in (*runs[1:], fifth):
            end(run, nusd=60_000_000)
        assert [run.budget_nusd for run in fed(batch)] == [70_000_000] * 2  # of 14 cents, three would get less than 6
        for run in batch.runs.filter(state__in=RUN_LIVE):
            end(run, nusd=45_000_000)
        assert fed(batch) == []
        assert states(batch) == ("paused", "budget")
        assert budget_in_words(batch) == "$0.35 of its $0.40 are spent, and the dearest row cost $0.06."
        with pytest.raises(Conflict):
            resume(cast.runner, batch, budget_usd=Decimal("0.40"))
        resume(cast.runner, batch, budget_usd=Decimal("0.41"))
        assert [run.budget_nusd for run in fed(batch)] == [60_000_000]

    def test_a_share_is_no_more_than_a_run_of_the_team_may_spend(self, cast: Cast, crew: Crew) -> None:
        Team.objects.filter(pk=cast.team.pk).update(run_budget_nusd=TEN_CENTS)
        batch = make_batch(cast.runner, crew, rows=3, budget_usd=Decimal(9))
        assert {run.budget_nusd for run in fed(batch)} == {TEN_CENTS}

    def test_a_lower_cap_of_the_team_is_what_a_row_keeps_back(self, cast: Cast, crew: Crew) -> None:
        run = LaunchOrder(simulated=True, budget_usd=Decimal(2))
        batch = make_batch(cast.runner, crew, rows=3, run=run, max_concurrency=1, budget_usd=Decimal(4))
        Team.objects.filter(pk=cast.team.pk).update(run_budget_nusd=TEN_CENTS)
        pause(cast.runner, batch)
        resume(cast.runner, batch, budget_usd=Decimal(1))  # no row could start if each needed $2 of it
        assert [run.budget_nusd for run in fed(batch)] == [TEN_CENTS]

    def test_it_waits_for_the_launch_quota_and_takes_what_is_left(self, cast: Cast, crew: Crew) -> None:
        Team.objects.filter(pk=cast.team.pk).update(launch_quota=3)
        batch = make_batch(cast.runner, crew, rows=9)
        assert len(fed(batch)) == 3
        assert fed(batch) == []
        assert states(batch) == ("running", "")

    def test_a_lower_cap_holds_for_rows_that_start_later(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=9, max_concurrency=1)
        (first,) = fed(batch)
        Team.objects.filter(pk=cast.team.pk).update(run_budget_nusd=5, run_max_calls=7)
        end(first)
        (second,) = fed(batch)
        assert (second.budget_nusd, second.max_calls) == (5, 7)

    def test_it_stops_with_whoever_launched_it_and_goes_on_with_another(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=3)
        Membership.objects.filter(user=cast.runner.user).delete()
        assert fed(batch) == []
        assert states(batch) == ("paused", "left")
        resume(cast.editor, batch)
        assert {run.created_by for run in fed(batch)} == {cast.editor.user}

    def test_each_row_is_launched_by_whoever_added_it_or_ran_it_again(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=2)
        end(fed(batch)[0], RunState.FAILED)
        add_rows(cast.editor, batch, [{"company": "Late"}])
        retry_failed(cast.owner, batch)
        people = {run.batch_row: run.created_by for run in fed(batch)}
        assert people == {1: cast.owner.user, 3: cast.editor.user}
        assert states(batch) == ("running", "")

    def test_a_quota_holds_for_each_person_and_keeps_nobody_elses_rows_back(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=6, max_concurrency=9)
        add_rows(cast.editor, batch, [{"company": f"Late {at}"} for at in range(4)])
        Team.objects.filter(pk=cast.team.pk).update(launch_quota=3)
        assert [run.batch_row for run in fed(batch)] == [1, 2, 3, 7, 8, 9]
        assert fed(batch) == []
        assert states(batch) == ("running", "")

    def test_who_left_keeps_back_their_own_rows_until_another_takes_them_over(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=3, max_concurrency=2)
        token, _ = issue_token(cast.editor, name="CI", scope=Scope.RUN)
        add_rows(cast.editor, batch, [{"company": "Late"}], api_token=token)
        add_rows(cast.editor, batch, [{"company": "Later"}])
        Membership.objects.filter(user=cast.runner.user).delete()
        revoke_token(cast.editor, token)
        (run,) = fed(batch)
        assert (run.batch_row, run.created_by) == (5, cast.editor.user)
        assert (states(batch), detail(batch).progress.stranded) == (("running", ""), 4)
        end(run)
        assert fed(batch) == []
        assert states(batch) == ("paused", "left")
        retry_failed(cast.owner, batch)
        assert detail(batch).progress.stranded == 0
        assert [(run.batch_row, run.created_by) for run in fed(batch)] == [
            (1, cast.owner.user),
            (2, cast.owner.user),
        ]

    def test_whoever_lets_it_go_on_beyond_a_bound_launches_what_waits(self, cast: Cast, crew: Crew) -> None:
        def people(batch: Batch) -> set[object]:
            return set(BatchRow.objects.filter(batch=batch, run=None).values_list("added_by", flat=True))

        dime = {"run": CENTS, "budget_usd": Decimal("0.10")}
        mine, editors = cast.runner.user.pk, cast.editor.user.pk
        batch = make_batch(cast.runner, crew, max_concurrency=1, stop_after_failures=1, **dime)
        pause(cast.editor, batch)
        resume(cast.editor, batch)
        resume(cast.editor, batch, max_concurrency=2, budget_usd=Decimal("0.10"))
        assert people(batch) == {mine}  # nothing starts that would not have started
        (run,) = fed(batch)
        assert run.created_by == cast.runner.user
        resume(cast.editor, batch, budget_usd=Decimal("0.50"))
        assert people(batch) == {editors}
        end(run, RunState.FAILED)
        assert fed(batch) == []
        assert states(batch) == ("paused", "failures")
        resume(cast.runner, batch)
        assert people(batch) == {mine}
        resume(cast.editor, batch, stop_after_failures=9)
        assert people(batch) == {editors}
        batch.refresh_from_db()
        assert batch.created_by == cast.runner.user

    def test_nobody_counts_failures_anew_for_rows_of_somebody_else(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=5, max_concurrency=2, stop_after_failures=2)
        first, second = fed(batch)
        end(first, RunState.FAILED)
        pause(cast.editor, batch)
        resume(cast.editor, batch)
        end(second, RunState.FAILED)
        assert fed(batch) == []
        assert states(batch) == ("paused", "failures")  # the pause in between has made none of them undone
        retry_failed(cast.editor, batch)
        assert {run.created_by for run in fed(batch)} == {cast.editor.user}
        assert set(BatchRow.objects.filter(batch=batch, run=None).values_list("added_by", flat=True)) == {
            cast.editor.user.pk
        }

    def test_it_stops_with_the_token_that_launched_it(self, cast: Cast, crew: Crew) -> None:
        token, _ = issue_token(cast.runner, name="CI", scope=Scope.RUN)
        batch = make_batch(cast.runner, crew, rows=3, max_concurrency=2)
        BatchRow.objects.filter(batch=batch).update(api_token=token)
        assert len(fed(batch)) == 2
        revoke_token(cast.runner, token)
        for run in batch.runs.all():
            end(run)
        assert fed(batch) == []
        assert states(batch) == ("paused", "left")
        resume(cast.runner, batch)
        assert [run.api_token for run in fed(batch)] == [None]

    def test_it_stops_once_that_token_comes_to_its_end(self, cast: Cast, crew: Crew) -> None:
        token, _ = issue_token(cast.runner, name="CI", scope=Scope.RUN)
        batch = make_batch(cast.runner, crew, rows=3, max_concurrency=2)
        BatchRow.objects.filter(batch=batch).update(api_token=token)
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() + timedelta(days=1))
        assert len(fed(batch)) == 2
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        for run in batch.runs.all():
            end(run)
        assert fed(batch) == []
        assert states(batch) == ("paused", "left")

    def test_a_team_with_many_that_cannot_be_fed_does_not_keep_another_from_it(self, cast: Cast, crew: Crew) -> None:
        Team.objects.filter(pk=cast.team.pk).update(launch_quota=0)
        for _ in range(12 * MOST_BATCHES):
            make_batch(cast.runner, crew, rows=1)
        others = make_batch(cast.stranger, make_crew(cast.stranger), rows=1)
        assert len(fed(others)) == 1

    def test_it_stops_with_its_crew(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew)
        archive_crew(maker_of(crew), crew)
        assert fed(batch) == []
        assert states(batch) == ("paused", "archived")

    def test_what_is_paused_or_cancelled_starts_nothing(self, cast: Cast, crew: Crew) -> None:
        paused, cancelled = make_batch(cast.runner, crew), make_batch(cast.runner, crew)
        pause(cast.runner, paused)
        cancel(cast.runner, cancelled)
        assert feed() == []


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_no_row_runs_twice_and_never_more_than_it_may(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=40, max_concurrency=3)
        most = []

        def work(number: int) -> None:
            try:
                while Batch.objects.get(pk=batch.pk).state == "running":
                    feed()
                    live = list(batch.runs.filter(state__in=RUN_LIVE).values_list("pk", flat=True))
                    most.append(len(live))
                    for pk in live[number::4]:
                        end(Run(pk=pk))
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert max(most) <= 3
        assert sorted(batch.runs.values_list("batch_row", flat=True)) == list(range(1, 41))
        assert not batch.rows.filter(run=None).exists()

    def test_workers_carry_out_every_row_once(
        self, cast: Cast, crew: Crew, workers: list[WorkerProcess], settings: object
    ) -> None:
        settings.SIMULATED_PACE = 0  # type: ignore[attr-defined]
        batch = make_batch(cast.runner, crew, rows=12, max_concurrency=3)
        threads = [in_thread(lambda one=one: execution.work(worker=one)) for one in [*workers, *workers]]
        for thread in threads:
            thread.join(timeout=60)
        feed()
        assert states(batch) == ("done", "")
        assert sorted(batch.runs.filter(state="succeeded").values_list("batch_row", flat=True)) == list(range(1, 13))
        assert invariants.check() == []
