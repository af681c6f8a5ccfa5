"""Each invariant sees what breaks it, and nothing else does."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F, QuerySet
from django.utils import timezone

from engine.catalogue.pricing import Price, Usage, cost_usd
from engine.record.journal import TaskStatus
from runs.ledger.invariants import INVARIANTS, look
from runs.ledger.statements import ROLLUP_FIELDS
from runs.models import Allowance, Bill, Call, Correction, Review, Run, TaskRun
from runs.money import to_nusd
from runs.states import Priority, RunState
from tests.ledger import make_call
from tests.runs.books import Books, add_one, make_books, open_call, sum_up, without

pytestmark = pytest.mark.django_db

AGO = timedelta(minutes=5)


@pytest.fixture
def books() -> Books:
    return make_books()


def broken() -> dict[str, list[str]]:
    """The invariants that do not hold, with what breaks them: ``id found expected``."""
    return {
        finding.name: [f"{row.id} {row.found} {row.expected}" for row in finding.rows]
        for finding in look()
        if finding.count
    }


def test_all_hold_on_an_honest_ledger(books: Books) -> None:
    assert broken() == {}


@pytest.mark.parametrize("field", ROLLUP_FIELDS)
@pytest.mark.parametrize(("model", "name"), [(Run, "run_sums"), (TaskRun, "task_sums")])
def test_each_figure_of_a_run_and_a_task_is_a_sum(
    books: Books, model: type[Run] | type[TaskRun], name: str, field: str
) -> None:
    row = model.objects.order_by("pk").first()
    assert row
    stood = getattr(row, field)
    add_one(model.objects.filter(pk=row.pk), field)
    assert broken() == {name: [f"{row.pk} {field} {stood + 1} {stood}"]}


def a_run_holds_too_much(books: Books) -> None:
    add_one(Run.objects.filter(pk=books.busy.pk), "reserved_nusd")


def a_run_is_over_its_budget(books: Books) -> None:
    Run.objects.filter(pk=books.done.pk).update(budget_nusd=F("spent_nusd") - 1)


def a_bill_is_not_the_sum(books: Books) -> None:
    add_one(Bill.objects.all(), "spent_nusd")


def a_bill_is_missing(books: Books) -> None:
    Run.objects.filter(pk=books.busy.pk).update(reserved_nusd=0)
    Call.objects.filter(state="intent").update(reserved_nusd=0)
    Allowance.objects.update(reserved_nusd=0)
    Bill.objects.all().delete()


def a_closed_bill_was_changed(books: Books) -> None:
    Bill.objects.filter(closed_at__isnull=False).update(spent_nusd=750_000)


def a_bill_holds_too_little(books: Books) -> None:
    Bill.objects.update(reserved_nusd=0)


def a_bill_is_over_its_budget(books: Books) -> None:
    now_open().update(budget_nusd=F("spent_nusd") + F("reserved_nusd") - 1)


def now_open() -> QuerySet[Bill]:
    return Bill.objects.filter(closed_at=None)


def an_allowance_is_not_the_sum(books: Books) -> None:
    add_one(Allowance.objects.all(), "spent_nusd")


def an_allowance_is_missing(books: Books) -> None:
    Allowance.objects.filter(reserved_nusd=0).delete()


def a_member_is_charged_for_anothers_run(books: Books) -> None:
    Run.objects.update(created_by=books.cast.editor.user)
    Allowance.objects.filter(reserved_nusd=0).update(user=books.cast.editor.user)
    Allowance.objects.update(reserved_nusd=0)
    Call.objects.filter(state="intent").update(reserved_nusd=0)
    Run.objects.update(reserved_nusd=0)
    Bill.objects.update(reserved_nusd=0)


def an_allowance_holds_too_much(books: Books) -> None:
    add_one(Allowance.objects.all(), "reserved_nusd")


def an_allowance_is_over_its_budget(books: Books) -> None:
    Allowance.objects.filter(reserved_nusd__gt=0).update(budget_nusd=F("spent_nusd") + F("reserved_nusd") - 1)


def a_correction_is_not_its_calls_figure(books: Books) -> None:
    add_one(Correction.objects.filter(call__run=books.done), "cost_nusd")


def a_correction_forgets_what_was_booked(books: Books) -> None:
    Correction.objects.filter(call__run=books.done).update(booked_nusd=0)


def a_correction_went_to_another_month_than_the_open_one(books: Books) -> None:
    Bill.objects.update(closed_at=None)


def a_price_was_changed_behind_a_call(books: Books) -> None:
    Call.objects.filter(run=books.busy, state="ok").update(input_usd_per_mtok="2.6")


def a_lost_call_is_hidden(books: Books) -> None:
    add_one(books.call(state="unknown"), "reserved_nusd")


def a_call_is_in_another_class(books: Books) -> None:
    books.call(purpose="planning").update(cost_class="work")


def a_retry_is_taken_for_work(books: Books) -> None:
    books.call(attempt=2).update(cost_class="work")


def a_call_is_in_no_class(books: Books) -> None:
    without("ALTER TABLE runs_call DROP CONSTRAINT call_cost_class_known")
    books.call(attempt=2).update(cost_class="other")


def a_call_lies_in_another_runs_task(books: Books) -> None:
    books.call(kind="tool").update(task_run=books.failed.tasks.get(key="brief"))


def a_step_has_two_answers(books: Books) -> None:
    without("DROP INDEX call_one_ok_per_step")
    books.call(kind="tool").update(step=3)


def a_step_is_tried_again_after_its_answer(books: Books) -> None:
    books.call(state="error").update(started_at=timezone.now())


def a_call_is_of_a_lease_to_come(books: Books) -> None:
    Call.objects.filter(run=books.busy, state="ok").update(epoch=2)


def a_zombie_answers_for_the_run(books: Books) -> None:
    books.call(attempt=2).update(finished_at=timezone.now())


def a_succeeded_run_has_a_failed_task(books: Books) -> None:
    books.done.tasks.filter(key="extra").update(state=TaskStatus.FAILED)


def a_failed_run_has_an_open_task(books: Books) -> None:
    books.failed.tasks.filter(key="brief").update(state=TaskStatus.PENDING)


def an_ended_run_is_leased(books: Books) -> None:
    without(
        "ALTER TABLE runs_run DROP CONSTRAINT run_ended_has_no_lease",
        "ALTER TABLE runs_run DROP CONSTRAINT run_lease_only_while_running",
    )
    Run.objects.filter(pk=books.done.pk).update(lease_owner="zombie", lease_until=timezone.now())


def a_lease_has_no_owner(books: Books) -> None:
    Run.objects.filter(pk=books.busy.pk).update(lease_owner="")


def a_lease_has_no_number(books: Books) -> None:
    Run.objects.filter(pk=books.waiting.pk).update(
        state=RunState.RUNNING, waiting_for="", lease_epoch=0, lease_owner="w", lease_until=timezone.now() + AGO
    )


def an_ended_run_has_an_open_call(books: Books) -> None:
    ended = {"state": RunState.FAILED, "lease_owner": "", "lease_until": None, "finished_at": timezone.now() - AGO}
    Run.objects.filter(pk=books.busy.pk).update(**ended)
    books.busy.tasks.update(state=TaskStatus.CANCELLED)


def a_waiting_run_was_answered(books: Books) -> None:
    Review.objects.update(approved=True, decided_at=timezone.now())


def a_run_waits_for_nothing(books: Books) -> None:
    Run.objects.filter(pk=books.waiting.pk).update(waiting_for="")


def a_run_waits_for_a_budget_that_covers_nothing_known(books: Books) -> None:
    Run.objects.filter(pk=books.waiting.pk).update(waiting_for="team_budget")


def a_key_launched_two_runs(books: Books) -> None:
    without("ALTER TABLE runs_run DROP CONSTRAINT run_once_per_idempotency_key")
    Run.objects.filter(pk=books.failed.pk).update(idempotency_key="one")


def a_queued_run_is_passed_over(books: Books) -> None:
    began(books.queued, created_at=AGO * 3)
    began(queued_after(books.queued), started_at=AGO, lease_epoch=1)


def an_orphaned_run_is_passed_over(books: Books) -> None:
    began(books.busy, lease_until=AGO * 3)
    began(queued_after(books.queued), started_at=AGO, lease_epoch=1)


def all_workers_are_free_and_nobody_comes(books: Books) -> None:
    aside = {"state": RunState.WAITING, "waiting_for": "run_budget", "needs_nusd": 1}
    Run.objects.filter(pk=books.busy.pk).update(**aside, lease_owner="", lease_until=None)
    began(books.queued, created_at=AGO, rung_at=timedelta(seconds=20))


def began(run: Run, **when: Any) -> None:
    """Sets times of the run to so long ago."""
    times = {name: timezone.now() - ago if isinstance(ago, timedelta) else ago for name, ago in when.items()}
    Run.objects.filter(pk=run.pk).update(**times)


def queued_after(run: Run, **fields: Any) -> Run:
    same = {"team": run.team, "crew": run.crew, "version": run.version, "created_by": run.created_by}
    return Run.objects.create(**(same | fields))


BREAKS: dict[str, list[Callable[[Books], None]]] = {
    "run_reserved": [a_run_holds_too_much],
    "run_budget": [a_run_is_over_its_budget],
    "bill_spent": [a_bill_is_not_the_sum, a_bill_is_missing, a_closed_bill_was_changed],
    "bill_reserved": [a_bill_holds_too_little],
    "bill_budget": [a_bill_is_over_its_budget],
    "allowance_spent": [an_allowance_is_not_the_sum, an_allowance_is_missing, a_member_is_charged_for_anothers_run],
    "allowance_reserved": [an_allowance_holds_too_much],
    "allowance_budget": [an_allowance_is_over_its_budget],
    "correction": [
        a_correction_is_not_its_calls_figure,
        a_correction_forgets_what_was_booked,
        a_correction_went_to_another_month_than_the_open_one,
    ],
    "call_cost": [a_price_was_changed_behind_a_call],
    "unknown_cost": [a_lost_call_is_hidden],
    "call_class": [a_call_is_in_another_class, a_retry_is_taken_for_work],
    "classes_sum": [a_call_is_in_no_class],
    "call_owner": [a_call_lies_in_another_runs_task],
    "one_ok_per_step": [a_step_has_two_answers],
    "no_call_after_ok": [a_step_is_tried_again_after_its_answer],
    "call_epoch": [a_call_is_of_a_lease_to_come],
    "fenced_answer": [a_zombie_answers_for_the_run],
    "succeeded_tasks": [a_succeeded_run_has_a_failed_task],
    "ended_tasks": [a_failed_run_has_an_open_task],
    "ended_lease": [an_ended_run_is_leased],
    "lease_owner": [a_lease_has_no_owner, a_lease_has_no_number],
    "ended_calls": [an_ended_run_has_an_open_call],
    "waiting_for": [
        a_waiting_run_was_answered,
        a_run_waits_for_nothing,
        a_run_waits_for_a_budget_that_covers_nothing_known,
    ],
    "one_run_per_key": [a_key_launched_two_runs],
    "nothing_idle": [
        a_queued_run_is_passed_over,
        an_orphaned_run_is_passed_over,
        all_workers_are_free_and_nobody_comes,
    ],
}


@pytest.mark.parametrize(("name", "breaks"), [(name, one) for name, all_ in BREAKS.items() for one in all_])
def test_what_breaks_one_is_seen_by_that_one_alone(books: Books, name: str, breaks: Callable[[Books], None]) -> None:
    breaks(books)
    assert list(broken()) == [name]


def test_none_is_without_a_test() -> None:
    assert {*BREAKS, "run_sums", "task_sums"} == set(INVARIANTS)


def test_a_cost_is_what_the_engine_makes_of_tokens_and_prices(books: Books) -> None:
    random.seed(4)
    for number in range(200):
        cached, written, plain, completion = (random.choice((0, 1, 3, 977, 1_234_567)) for _ in range(4))
        usage = Usage(cached + written + plain, cached, written, completion)
        prices = [
            Decimal(random.choice((0, 1, 5, 25, 12_345_678_901))).scaleb(random.choice((-4, -10))) for _ in range(4)
        ]
        price = Price(prices[0], prices[1], random.choice((None, prices[2])), random.choice((None, prices[3])))
        make_call(
            books.done,
            step=100 + number,
            prompt_tokens=usage.prompt_tokens,
            cached_prompt_tokens=cached,
            cache_write_tokens=written,
            completion_tokens=completion,
            input_usd_per_mtok=price.input_usd_per_mtok,
            output_usd_per_mtok=price.output_usd_per_mtok,
            cached_usd_per_mtok=price.cached_usd_per_mtok,
            cache_write_usd_per_mtok=price.cache_write_usd_per_mtok,
            cost_nusd=to_nusd(cost_usd(usage, price) or Decimal(0)),
        )
    assert look(["call_cost"])[0].rows == ()


def test_half_a_billionth_is_rounded_up(books: Books) -> None:
    half = {"prompt_tokens": 1, "completion_tokens": 0, "input_usd_per_mtok": "0.0005"}
    make_call(books.done, step=100, **half, cost_nusd=1)
    assert look(["call_cost"])[0].count == 0
    call = make_call(books.done, step=101, **half, cost_nusd=0)
    assert [row.id for row in look(["call_cost"])[0].rows] == [str(call.pk)]


def rows_of(table: str, run: Run) -> QuerySet[Any]:
    rows = {"run_budget": Run.objects.filter(pk=run.pk), "bill_budget": now_open()}
    return rows.get(table, Allowance.objects.filter(month=now_open().get().month))


BUDGETS = ["run_budget", "bill_budget", "allowance_budget"]


@pytest.mark.parametrize("table", BUDGETS)
def test_a_budget_may_be_passed_by_what_a_provider_billed_above_a_reservation_and_no_more(
    books: Books, table: str
) -> None:
    Correction.objects.all().delete()
    Call.objects.filter(run=books.failed).delete()
    Call.objects.filter(state="intent").delete()
    Call.objects.update(started_at=timezone.now() - AGO, reserved_nusd=900_000)
    make_call(books.done, step=100, reserved_nusd=700_000, finished_at=timezone.now())  # 50,000 more than reserved
    sum_up(books.cast)
    rows = rows_of(table, books.done)
    rows.update(budget_nusd=F("spent_nusd") - 50_000)
    assert look([table])[0].count == 0
    rows.update(budget_nusd=F("spent_nusd") - 50_001)
    assert look([table])[0].count == 1


@pytest.mark.parametrize("table", BUDGETS)
def test_no_call_is_opened_above_a_budget_that_is_passed(books: Books, table: str) -> None:
    Correction.objects.all().delete()
    Call.objects.filter(run=books.failed).delete()
    long_ago = timezone.now() - AGO
    make_call(books.busy, step=100, reserved_nusd=0, started_at=long_ago, finished_at=long_ago)
    open_call(books.busy, step=101, reserved_nusd=1, started_at=timezone.now())
    sum_up(books.cast)
    rows_of(table, books.busy).update(budget_nusd=F("spent_nusd") + F("reserved_nusd") - 1)
    assert look([table])[0].count == 1, "what an earlier call took too much excuses none that came after it"


@pytest.mark.parametrize("table", ["bill_budget", "allowance_budget"])
def test_a_correction_of_a_closed_month_may_pass_the_budget_of_the_month_that_took_it(books: Books, table: str) -> None:
    Correction.objects.filter(call__run=books.failed).update(made_at=timezone.now() + AGO)
    rows_of(table, books.done).update(budget_nusd=F("spent_nusd") + F("reserved_nusd") - 150_000)
    assert look([table])[0].count == 0
    rows_of(table, books.done).update(budget_nusd=F("budget_nusd") - 1)
    assert look([table])[0].count == 1


def test_a_backlog_without_workers_is_nobodys_fault(books: Books) -> None:
    for run in (books.busy, books.queued):
        began(run, created_at=AGO, rung_at=AGO, lease_until=AGO if run == books.busy else None)
    assert look(["nothing_idle"])[0].count == 0


def test_a_backlog_behind_busy_workers_waits_its_turn(books: Books) -> None:
    began(books.queued, created_at=AGO, rung_at=timedelta(seconds=20))
    began(queued_after(books.queued), created_at=AGO, rung_at=AGO)
    assert look(["nothing_idle"])[0].count == 0


@pytest.mark.parametrize("other", ["more urgent", "launched before", "of another team", "begun just now"])
def test_who_may_go_first_passes_nobody_over(books: Books, other: str) -> None:
    """A later run, begun five minutes ago, when the one that is still queued had waited for ten."""
    began(books.queued, created_at=AGO * 3)
    later = queued_after(books.queued, **({"priority": Priority.HIGH} if other == "more urgent" else {}))
    began(later, created_at=AGO * 3, started_at=AGO, lease_epoch=1)
    if other == "launched before":
        began(books.done, started_at=AGO)
        began(later, started_at=None)
    if other == "of another team":
        Run.objects.filter(pk=later.pk).update(team=books.cast.stranger.team)
    if other == "begun just now":
        began(later, started_at=timedelta(seconds=2))
    assert look(["nothing_idle"])[0].count == 0


def test_the_rows_shown_are_bounded_and_counted(books: Books) -> None:
    Run.objects.update(prompt_tokens=7, completion_tokens=7, cached_prompt_tokens=7, reasoning_tokens=8, spent_nusd=7)
    (finding,) = (one for one in look() if one.name == "run_sums")
    assert finding.count == 25
    assert len(finding.rows) == 20
