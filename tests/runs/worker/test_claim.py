"""The lease: one holder at a time, fenced by its epoch, on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from engine.record.journal import TaskStatus
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.ledger import transitions
from runs.models import Run
from runs.run.actions import request_cancel
from runs.states import RunState
from runs.worker import claim, next_run
from tests.cast import Cast, make_crew

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(cast: Cast) -> Run:
    return launch(cast.owner, make_crew(cast.owner), LaunchOrder(inputs={"company": "Acme"}))


def expire(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_claim_leases_the_run_at_the_next_epoch(run: Run) -> None:
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed is not None
    assert (claimed.state, claimed.lease_epoch, claimed.lease_owner) == (RunState.RUNNING, 1, "worker-1")
    assert claimed.started_at is not None


def test_a_held_run_is_not_claimed_again(run: Run) -> None:
    claim.claim(run.pk, owner="worker-1")
    assert claim.claim(run.pk, owner="worker-2") is None


def test_a_run_that_does_not_exist_is_not_claimed() -> None:
    assert claim.claim(uuid4(), owner="worker-1") is None


def test_an_expired_lease_is_taken_over_and_fences_its_old_holder(run: Run) -> None:
    old = claim.claim(run.pk, owner="worker-1")
    expire(run)
    new = claim.claim(run.pk, owner="worker-2")
    assert old
    assert new
    assert new.lease_epoch == 2
    assert claim.beat([(run.pk, old.lease_epoch)]) == {(run.pk, old.lease_epoch)}
    assert claim.beat([(run.pk, new.lease_epoch)]) == set()
    assert not transitions.end(old, state=RunState.SUCCEEDED, raw="the zombie's output")
    run.refresh_from_db()
    assert (run.state, run.output_raw) == (RunState.RUNNING, "")


def test_a_takeover_keeps_when_the_run_first_began(run: Run) -> None:
    first = claim.claim(run.pk, owner="worker-1")
    expire(run)
    second = claim.claim(run.pk, owner="worker-2")
    assert first
    assert second
    assert second.started_at == first.started_at
    assert second.fruitless_takeovers == 1


def test_ending_gives_up_the_lease_and_closes_the_tasks_left(run: Run) -> None:
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed
    assert transitions.end(claimed, state=RunState.FAILED, error="No.", error_code="x")
    run.refresh_from_db()
    assert (run.state, run.lease_until, run.lease_owner) == (RunState.FAILED, None, "")
    assert run.finished_at is not None
    assert set(run.tasks.values_list("state", flat=True)) == {TaskStatus.CANCELLED}


def test_an_ended_run_is_not_ended_again(run: Run) -> None:
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed
    assert transitions.end(claimed, state=RunState.SUCCEEDED, raw="once")
    assert not transitions.end(claimed, state=RunState.FAILED, raw="twice")


def test_a_released_run_is_free_at_once(run: Run) -> None:
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed
    claim.release([(run.pk, claimed.lease_epoch)])
    again = claim.claim(run.pk, owner="worker-2")
    assert again
    assert again.lease_epoch == 2


def test_a_beat_that_comes_after_its_run_was_given_back_takes_no_lease(run: Run) -> None:
    """The keeper looks at the runs it holds a moment before one of them is given back, and beats a moment later."""
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed
    lease = (run.pk, claimed.lease_epoch)
    claim.release([lease])
    assert claim.beat([lease]) == {lease}
    run.refresh_from_db()
    assert (run.lease_until, run.lease_owner) == (None, "")


def test_a_queued_run_is_cancelled_at_once(cast: Cast, run: Run) -> None:
    assert request_cancel(cast.runner, run).state == RunState.CANCELLED
    assert claim.claim(run.pk, owner="worker-1") is None


def test_a_running_run_is_asked_to_stop(cast: Cast, run: Run) -> None:
    claim.claim(run.pk, owner="worker-1")
    assert request_cancel(cast.runner, run).state == RunState.RUNNING
    assert claim.cancel_requested([run.pk]) == {run.pk}


def test_the_sweeper_rings_what_nobody_holds_but_not_too_often(run: Run) -> None:
    assert next_run.ring_again(patience_s=60) == []
    Run.objects.filter(pk=run.pk).update(rung_at=timezone.now() - timedelta(minutes=5))
    assert next_run.ring_again(patience_s=60) == [run.pk]
    assert next_run.ring_again(patience_s=60) == []


def test_the_sweeper_leaves_held_runs_alone_and_rings_orphans(run: Run) -> None:
    claim.claim(run.pk, owner="worker-1")
    Run.objects.filter(pk=run.pk).update(rung_at=None)
    assert next_run.ring_again(patience_s=60) == []
    expire(run)
    assert next_run.ring_again(patience_s=60) == [run.pk]


@pytest.mark.parametrize(
    "falsehood",
    [
        {"state": "dancing"},
        {"state": RunState.SUCCEEDED},
        {"spent_nusd": -1},
        {"reserved_nusd": -1},
        {"lease_until": datetime(2026, 1, 1, tzinfo=UTC)},
        {"waiting_for": "a person"},
    ],
    ids=lambda falsehood: next(iter(falsehood)) + "=" + str(next(iter(falsehood.values()))),
)
def test_the_database_refuses_what_must_never_be_true(run: Run, falsehood: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**falsehood)
