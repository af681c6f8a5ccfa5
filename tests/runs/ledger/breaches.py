"""What breaks each invariant: the ledger of ``tests.runs.books`` with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from engine.record.journal import TaskStatus
from runs.models import (
    Allowance,
    Bill,
    BillSum,
    Call,
    CallDay,
    CallSum,
    ClosedBill,
    ClosedLine,
    ClosingEntry,
    Correction,
    DaySum,
    PriceQuote,
    Rating,
    Review,
    Run,
    RunBucket,
    RunDay,
    RunSum,
    TaskCallSum,
    TaskTime,
    UsageSum,
    WeekBucket,
)
from runs.states import RunState
from tests.runs.books import AGO, Books, add_one, began, last_month, now_open, queued_after, without


def a_run_holds_too_much(books: Books) -> None:
    add_one(Run.objects.filter(pk=books.busy.pk), "reserved_nusd")


def a_run_is_over_its_budget(books: Books) -> None:
    Run.objects.filter(pk=books.done.pk).update(budget_nusd=F("spent_nusd") - 1)


def a_bill_is_not_the_sum(books: Books) -> None:
    add_one(now_open(), "spent_nusd")


def a_bill_is_missing(books: Books) -> None:
    Run.objects.filter(pk=books.busy.pk).update(reserved_nusd=0)
    Call.objects.filter(state="intent").update(reserved_nusd=0)
    Allowance.objects.update(reserved_nusd=0)
    now_open().delete()


def thawed() -> None:
    """Closed bills may be changed from here on, as somebody may who administers the database."""
    names = {
        "runs_bill": "sums_of_closed_bill_are_frozen",
        "runs_closedbill": "closed_bill_is_frozen",
        "runs_closedline": "closed_line_is_frozen",
        "runs_closingentry": "closing_entry_is_frozen",
    }
    without(*(f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in names.items()))


def a_closed_bill_was_changed(books: Books) -> None:
    thawed()
    Bill.objects.filter(closed_at__isnull=False).update(spent_nusd=750_000)


def a_bill_holds_too_little(books: Books) -> None:
    now_open().update(reserved_nusd=0)


def a_bill_is_over_its_budget(books: Books) -> None:
    now_open().update(budget_nusd=F("spent_nusd") + F("reserved_nusd") - 1)


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


def a_call_that_had_a_price_is_said_to_be_priced_late(books: Books) -> None:
    Correction.objects.filter(call__run=books.done).update(why="priced")


def a_correction_went_to_another_month_than_the_open_one(books: Books) -> None:
    thawed()
    for model in (ClosingEntry, ClosedLine, ClosedBill):
        model.objects.all().delete()
    Bill.objects.update(closed_at=None)


def a_bill_is_closed_without_a_copy(books: Books) -> None:
    long_ago = last_month().replace(year=last_month().year - 1)
    Bill.objects.create(team=books.cast.team, month=long_ago, closed_at=timezone.now())


def a_line_of_a_closed_bill_says_another_name(books: Books) -> None:
    thawed()
    line = ClosedLine.objects.get()
    ClosedLine.objects.update(text=line.text.replace("Company brief", "Company Brief"))


def the_log_has_another_hash(books: Books) -> None:
    thawed()
    ClosingEntry.objects.update(sha256="0" * 64)


def a_closed_bill_is_not_the_sum_of_its_lines(books: Books) -> None:
    thawed()
    add_one(ClosedBill.objects.all(), "total_nusd")
    add_one(ClosingEntry.objects.all(), "total_nusd")


def a_counter_line_is_missing_its_cent(books: Books) -> None:
    """The copy has more than what was booked then, and no later month took the difference."""
    thawed()
    for rows, field in ((ClosedLine, "nusd"), (ClosedBill, "total_nusd"), (ClosingEntry, "total_nusd")):
        add_one(rows.objects.all(), field)


def a_number_is_left_out(books: Books) -> None:
    thawed()
    add_one(ClosedBill.objects.all(), "number")
    add_one(ClosingEntry.objects.all(), "number")


def the_log_says_another_time(books: Books) -> None:
    thawed()
    ClosingEntry.objects.update(closed_at=timezone.now() - AGO)


def a_price_was_changed_behind_a_call(books: Books) -> None:
    Call.objects.filter(run=books.busy, state="ok").update(input_usd_per_mtok="2.6")


PARTS = {"cached_nusd": 0, "cache_write_nusd": 0, "reasoning_nusd": 0, "citations_nusd": 0, "searches_nusd": 0}
FEES = {"request_nusd": 0, "beyond_ours_nusd": 0}


def a_part_of_a_cost_is_not_that_of_its_tokens(books: Books) -> None:
    parts = {"prompt_nusd": F("cost_nusd") - 5, "completion_nusd": 5} | PARTS | FEES
    Call.objects.filter(run=books.busy, state="ok").update(**parts)


def a_call_is_priced_with_another_teams_quote(books: Books) -> None:
    team = books.cast.stranger.team
    quote = PriceQuote.objects.create(team=team, model="m", input_usd_per_mtok=1, output_usd_per_mtok=1)
    Call.objects.filter(run=books.busy, state="ok").update(quote=quote)


def a_price_was_changed_behind_a_refusal_that_was_billed(books: Books) -> None:
    Call.objects.filter(run=books.done, error_code="model_refused").update(input_usd_per_mtok="2.6")


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
    books.call(state="error", error_code="").update(started_at=timezone.now())


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


def a_run_hides_what_it_paid_in_vain(books: Books) -> None:
    Run.objects.filter(pk=books.done.pk).update(ended_waste_nusd=F("ended_waste_nusd") + 1)


def a_sum_counts_a_run_twice(books: Books) -> None:
    add_one(RunSum.objects.all(), "runs")


def a_sum_of_calls_is_missing(books: Books) -> None:
    row = CallSum.objects.order_by("pk").first()
    assert row
    row.delete()


def a_day_counts_a_run_twice(books: Books) -> None:
    add_one(RunDay.objects.all(), "runs")


def a_days_calls_cost_more(books: Books) -> None:
    add_one(CallDay.objects.all(), "spent_nusd")


def a_week_counts_a_run_twice(books: Books) -> None:
    add_one(WeekBucket.objects.filter(measure="cost"), "runs")


def a_sum_of_a_tasks_calls_is_higher(books: Books) -> None:
    add_one(TaskCallSum.objects.all(), "cost_nusd")


def a_tasks_time_is_longer(books: Books) -> None:
    add_one(TaskTime.objects.all(), "took_ms")


def a_sum_of_a_bill_is_higher(books: Books) -> None:
    add_one(BillSum.objects.all(), "spent_nusd")


def a_sum_of_a_day_is_higher(books: Books) -> None:
    add_one(DaySum.objects.all(), "spent_nusd")


def a_sum_of_usage_is_higher(books: Books) -> None:
    add_one(UsageSum.objects.all(), "prompt_tokens")


def a_run_is_in_another_bucket(books: Books) -> None:
    add_one(RunBucket.objects.filter(measure="duration"), "bucket")


def a_run_keeps_a_rating_that_nobody_gave(books: Books) -> None:
    Run.objects.filter(pk=books.done.pk).update(rating_sum=4, rating_count=1)


def a_rating_is_in_no_figure(books: Books) -> None:
    Rating.objects.create(run=books.done, person=books.cast.owner.user, stars=2)


BREAKS: dict[str, list[Callable[[Books], None]]] = {
    "runsum": [a_sum_counts_a_run_twice],
    "callsum": [a_sum_of_calls_is_missing],
    "taskcallsum": [a_sum_of_a_tasks_calls_is_higher],
    "tasktime": [a_tasks_time_is_longer],
    "billsum": [a_sum_of_a_bill_is_higher],
    "daysum": [a_sum_of_a_day_is_higher],
    "runday": [a_day_counts_a_run_twice],
    "callday": [a_days_calls_cost_more],
    "weekbucket": [a_week_counts_a_run_twice],
    "usagesum": [a_sum_of_usage_is_higher],
    "runbucket": [a_run_is_in_another_bucket],
    "run_waste": [a_run_hides_what_it_paid_in_vain],
    "run_ratings": [a_run_keeps_a_rating_that_nobody_gave, a_rating_is_in_no_figure],
    "run_reserved": [a_run_holds_too_much],
    "run_budget": [a_run_is_over_its_budget],
    "bill_spent": [a_bill_is_not_the_sum, a_bill_is_missing, a_closed_bill_was_changed],
    "bill_reserved": [a_bill_holds_too_little],
    "bill_budget": [a_bill_is_over_its_budget],
    "allowance_spent": [an_allowance_is_not_the_sum, an_allowance_is_missing, a_member_is_charged_for_anothers_run],
    "allowance_reserved": [an_allowance_holds_too_much],
    "allowance_budget": [an_allowance_is_over_its_budget],
    "closed_bill_copy": [a_bill_is_closed_without_a_copy],
    "closed_bill_hash": [a_line_of_a_closed_bill_says_another_name, the_log_has_another_hash],
    "closed_bill_sums": [a_closed_bill_is_not_the_sum_of_its_lines],
    "counter_lines": [a_counter_line_is_missing_its_cent],
    "closing_log": [a_number_is_left_out, the_log_says_another_time],
    "correction": [
        a_correction_is_not_its_calls_figure,
        a_correction_forgets_what_was_booked,
        a_correction_went_to_another_month_than_the_open_one,
        a_call_that_had_a_price_is_said_to_be_priced_late,
    ],
    "call_cost": [a_price_was_changed_behind_a_call, a_price_was_changed_behind_a_refusal_that_was_billed],
    "call_parts": [a_part_of_a_cost_is_not_that_of_its_tokens],
    "call_quote": [a_call_is_priced_with_another_teams_quote],
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
