"""What people do with batches, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied

from agents_app.models import Crew
from runs.batches.actions import add_rows, cancel, launch_batch, pause, resume, retry_failed
from runs.batches.order import MAX_CHARS, MAX_ROWS, BadRows, BatchOrder
from runs.batches.queries import detail
from runs.feeding.feed import feed
from runs.launch.order import LaunchOrder
from runs.models import Batch, BatchRow, Run
from runs.retention.removal import remove_older
from runs.states import RunState
from teams.models import AuditEntry
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.runs.batches.made import end, fed, make_batch, states

pytestmark = pytest.mark.django_db
SIMULATED = LaunchOrder(simulated=True)


def test_all_rows_are_checked_before_any_is_kept(cast: Cast, crew: Crew) -> None:
    rows = [{"company": "Acme"}, {}, {"company": "a\0b"}, {"company": "x" * 1_000_001}, {"firm": "Acme"}]
    with pytest.raises(BadRows) as refusal:
        launch_batch(cast.runner, crew, BatchOrder(rows=rows, run=SIMULATED))
    assert {name: said.split()[0] for name, said in refusal.value.fields.items()} == {
        "inputs.1.company": "This",
        "inputs.2.company": "It",
        "inputs.3.company": "At",
        "inputs.4.company": "This",
    }
    assert not Batch.objects.exists()


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"rows": []}, "inputs"),
        ({"rows": [{"company": "a"}] * (MAX_ROWS + 1)}, "inputs"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": 201}, "max_concurrency"),
        ({"stop_after_failures": 0}, "stop_after_failures"),
        ({"name": "n" * 121}, "name"),
        ({"budget_usd": Decimal(0)}, "budget_usd"),
        ({"budget_usd": Decimal(1), "run": LaunchOrder(simulated=True, budget_usd=Decimal(2))}, "budget_usd"),
        ({"run": LaunchOrder(simulated=True, budget_usd=Decimal(-1))}, "run_budget_usd"),
        ({"run": LaunchOrder(simulated=True, priority="now")}, "priority"),
    ],
)
def test_a_bound_that_cannot_be_is_told_at_its_field(cast: Cast, crew: Crew, order: dict, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        launch_batch(cast.runner, crew, BatchOrder(**{"rows": [{"company": "a"}], "run": SIMULATED} | order))
    assert list(refusal.value.fields) == [field]
    assert not Batch.objects.exists()


def test_a_key_launches_once(cast: Cast, crew: Crew) -> None:
    order = BatchOrder(rows=[{"company": "Acme"}], run=SIMULATED)
    first = launch_batch(cast.runner, crew, order, idempotency_key="one")
    assert launch_batch(cast.runner, crew, order, idempotency_key="one") == first
    with pytest.raises(Conflict, match="another batch"):
        launch_batch(cast.runner, crew, BatchOrder(rows=[{"company": "x"}], run=SIMULATED), idempotency_key="one")


def test_what_is_under_way_ends_when_a_batch_is_paused_and_is_asked_to_when_it_is_cancelled(
    cast: Cast, crew: Crew
) -> None:
    batch = make_batch(cast.runner, crew, rows=5, max_concurrency=3)
    _, running, waiting = fed(batch)
    Run.objects.filter(pk=running.pk).update(state=RunState.RUNNING)
    Run.objects.filter(pk=waiting.pk).update(state=RunState.WAITING, waiting_for="person")
    pause(cast.runner, batch)
    assert states(batch) == ("paused", "person")
    assert batch.runs.filter(cancel_requested_at=None).count() == 3
    with pytest.raises(Conflict, match="not running"):
        pause(cast.runner, batch)
    resume(cast.runner, batch)
    with pytest.raises(Conflict, match="is running"):
        resume(cast.runner, batch)
    resume(cast.runner, batch, max_concurrency=4)
    assert len(fed(batch)) == 1
    cancel(cast.runner, batch)
    assert sorted(batch.runs.values_list("batch_row", "state")) == [
        (1, "cancelled"),
        (2, "running"),
        (3, "cancelled"),
        (4, "cancelled"),
    ]
    assert Run.objects.get(pk=running.pk).cancel_requested_at is not None
    for act in (cancel, resume, pause, retry_failed):
        with pytest.raises(Conflict):
            act(cast.runner, batch)
    said = AuditEntry.objects.filter(action__startswith="batch.").order_by("pk").values_list("action", flat=True)
    assert [name.removeprefix("batch.") for name in said] == ["launched", "paused", "resumed", "resumed", "cancelled"]


def test_a_failed_row_gets_another_run_and_the_first_one_still_counts(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=3, stop_after_failures=1)
    runs = fed(batch)
    end(runs[0], nusd=5)
    end(runs[1], RunState.FAILED, nusd=7)
    end(runs[2], RunState.CANCELLED, nusd=1)
    retry_failed(cast.runner, batch)
    assert detail(batch).progress.counts == {"pending": 2, "succeeded": 1}
    again = fed(batch)
    assert [run.batch_row for run in again] == [2, 3]
    for run in again:
        end(run, nusd=10)
    found = detail(batch)
    assert (found.progress.succeeded, found.progress.failed, found.usage.spent_nusd) == (3, 0, 33)
    with pytest.raises(Conflict, match="No row"):
        retry_failed(cast.runner, batch)


def test_rows_whose_texts_are_gone_are_not_run_again(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=1)
    (run,) = fed(batch)
    end(run, RunState.FAILED)
    Run.objects.filter(pk=run.pk).update(finished_at="2020-01-01T00:00Z")
    remove_older(cast.team, days=1)
    assert BatchRow.objects.get().inputs == {}
    with pytest.raises(Conflict, match="removed as too old"):
        retry_failed(cast.runner, batch)


def test_rows_are_added_behind_the_others(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=1)
    end(fed(batch)[0])
    feed()
    add_rows(cast.runner, batch, [{"company": "Late"}])
    assert states(batch) == ("running", "")
    (run,) = fed(batch)
    assert (run.batch_row, run.inputs["company"], batch.row_count) == (2, "Late", 2)
    assert batch.name == f"{crew.name}, 2 rows"
    with pytest.raises(BadRows) as refusal:
        add_rows(cast.runner, batch, [{"company": "Fine"}, {}])
    assert list(refusal.value.fields) == ["inputs.1.company"]
    pause(cast.runner, batch)
    add_rows(cast.runner, batch, [{"company": "Later"}])
    assert states(batch) == ("paused", "person")


def test_a_budget_that_still_covers_no_row_does_not_let_it_go_on(cast: Cast, crew: Crew) -> None:
    dime = LaunchOrder(simulated=True, budget_usd=Decimal("0.10"))
    batch = make_batch(cast.runner, crew, run=dime, budget_usd=Decimal("0.10"), max_concurrency=1)
    end(fed(batch)[0], nusd=50_000_000)
    feed()
    assert states(batch) == ("paused", "budget")
    with pytest.raises(
        Conflict,
        match=r"^\$0.05 of its \$0.10 are spent, and each row keeps back its own budget of \$0.10. Name",
    ):
        resume(cast.runner, batch)
    with pytest.raises(Invalid):
        resume(cast.runner, batch, budget_usd=Decimal("0.05"))
    assert states(batch) == ("paused", "budget")


def test_viewers_launch_and_change_nothing(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew)
    for act in (pause, resume, cancel, retry_failed):
        with pytest.raises(PermissionDenied):
            act(cast.viewer, batch)
    with pytest.raises(PermissionDenied):
        add_rows(cast.viewer, batch, [{"company": "x"}])
    with pytest.raises(PermissionDenied):
        make_batch(cast.viewer, crew)


def test_rows_that_are_added_count_with_those_that_are_there(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=2)
    add_rows(cast.runner, batch, [{"company": "x"}])
    BatchRow.objects.filter(batch=batch, position=1).update(inputs={"company": "x" * (MAX_CHARS - 1_000)})
    with pytest.raises(Invalid) as refusal:
        add_rows(cast.runner, batch, [{"company": "x" * 1_000}])
    assert refusal.value.fields["inputs"] == f"At most {MAX_CHARS:,} characters in all rows together."
