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
from runs.ledger import rollups
from runs.ledger.invariants import INVARIANTS, look
from runs.ledger.invariants.rollups import ROLLUP_SUMS
from runs.ledger.statements import ROLLUP_FIELDS
from runs.models import Allowance, Call, Correction, Run, TaskRun
from runs.money import to_nusd
from runs.states import Priority
from tests.ledger import make_call
from tests.runs.books import AGO, Books, add_one, began, make_books, now_open, open_call, queued_after, sum_up
from tests.runs.ledger.breaches import BREAKS

pytestmark = pytest.mark.django_db

OF_ROLLUPS = {invariant.name for invariant in ROLLUP_SUMS}


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
    rollups.rebuild(books.cast.team.pk)
    assert broken() == {name: [f"{row.pk} {field} {stood + 1} {stood}"]}


@pytest.mark.parametrize(("name", "breaks"), [(name, one) for name, all_ in BREAKS.items() for one in all_])
def test_what_breaks_one_is_seen_by_that_one_alone(books: Books, name: str, breaks: Callable[[Books], None]) -> None:
    breaks(books)
    if name not in OF_ROLLUPS:
        rollups.rebuild(books.cast.team.pk)  # they follow what is broken
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
