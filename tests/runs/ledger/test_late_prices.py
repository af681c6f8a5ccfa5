"""Calls that had no price are booked at a later one: what they would have cost, on every sum, with every invariant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.catalogue.pricing import Price, Rates, Usage, charge_of
from runs.ledger import late_prices
from runs.ledger.invariants import look
from runs.ledger.late_prices import book_unpriced, bookable_by_model, open_months, unpriced_by_model, would_cost
from runs.models import Allowance, Bill, BillSum, Call, Correction, Corrects, PriceQuote, Run
from runs.models.call import CALL_PARTS
from runs.money import to_nusd
from tests.ledger import make_call
from tests.runs.books import Books, make_books, sum_up

pytestmark = pytest.mark.django_db

UNPRICED: dict[str, Any] = {"cost_nusd": None, "input_usd_per_mtok": None, "output_usd_per_mtok": None}
MODEL = "own/model"


@pytest.fixture
def books() -> Books:
    return make_books()


def broken() -> dict[str, Any]:
    return {finding.name: finding.rows for finding in look() if finding.count}


def amounts(most: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(0, most, places=10, allow_nan=False, allow_infinity=False)


rates = st.builds(
    Rates,
    input_usd_per_mtok=amounts(100),
    output_usd_per_mtok=amounts(100),
    cached_usd_per_mtok=st.none() | amounts(10),
    cache_write_usd_per_mtok=st.none() | amounts(10),
    reasoning_usd_per_mtok=st.none() | amounts(100),
)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    base, long = draw(rates), draw(rates)
    names = [name for name in Rates.__dataclass_fields__ if name != "above_tokens"]
    fees = {name: draw(st.none() | amounts(1)) for name in ("request_usd", "search_usd", "second_usd")}
    tiers = (replace(long, above_tokens=draw(st.integers(1, 3000))),) if draw(st.booleans()) else ()
    return Price(
        **{name: getattr(base, name) for name in names},
        **fees,
        citation_usd_per_mtok=draw(st.none() | amounts(10)),
        tiers=tiers,
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    cached, written, plain = (draw(st.integers(0, 2000)) for _ in range(3))
    reasoning, said = draw(st.integers(0, 500)), draw(st.integers(1, 500))
    return Usage(
        prompt_tokens=cached + written + plain,
        cached_prompt_tokens=cached,
        cache_write_tokens=written,
        completion_tokens=reasoning + said,
        reasoning_tokens=reasoning,
        citation_tokens=draw(st.integers(0, 100)),
        searches=draw(st.integers(0, 5)),
        took_ms=draw(st.integers(1, 5000)),
    )


def add_call(run: Run, number: int, usage: Usage, **fields: Any) -> Call:
    names = ("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens")
    names += ("citation_tokens", "searches", "took_ms")
    task = run.tasks.order_by("pk").first()
    used = {name: getattr(usage, name) for name in names}
    usual = {"model": MODEL, "epoch": run.lease_epoch}
    return make_call(run, task=task, step=50 + number, **(usual | UNPRICED | used | fields))


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(price=prices(), used=st.lists(usages(), min_size=1, max_size=12), data=st.data())
def test_calls_cost_what_they_would_have_and_everything_follows(
    books: Books, price: Price, used: list[Usage], data: st.DataObject
) -> None:
    with transaction.atomic():
        runs = (books.done, books.failed, books.busy)
        for number, usage in enumerate(used):
            add_call(data.draw(st.sampled_from(runs)), number, usage)
        sum_up(books.cast)
        quote = PriceQuote.objects.create(
            team=books.cast.team, model=MODEL, input_usd_per_mtok=1, output_usd_per_mtok=1
        )
        before = Bill.objects.get(closed_at=None).spent_nusd
        price = replace(price, quote_id=quote.pk)
        foreseen = would_cost(books.cast.team, {MODEL: price}, most=100)
        booked = book_unpriced(books.cast.team, {MODEL: price}, most=100)
        charges = [charge_of(usage, price) for usage in used]
        due = sum(to_nusd(charge.cost_usd) or 0 for charge in charges)
        assert (booked.calls, booked.nusd, booked.left) == (len(used), due, 0)
        assert foreseen == (due, True)
        assert Bill.objects.get(closed_at=None).spent_nusd == before + due
        calls = {call.step: call for call in Call.objects.filter(model=MODEL)}
        for number, charge in enumerate(charges):
            call = calls[50 + number]
            assert charge.parts is not None
            assert call.cost_nusd == charge.parts.total
            names = {part: "stated" if part == "beyond_ours" else part for part in CALL_PARTS}
            assert {part: getattr(call, f"{part}_nusd") for part in names} == {
                part: getattr(charge.parts, name) for part, name in names.items()
            }
            assert (call.quote_id, call.correction.why) == (quote.pk, Corrects.PRICED)
        sums = BillSum.objects.filter(model=MODEL)
        ended = [call for call in calls.values() if call.run_id != books.busy.pk]
        assert sum(row.spent_nusd for row in sums) == sum(call.cost_nusd or 0 for call in ended)
        assert broken() == {}
        transaction.set_rollback(True)


PRICE = Price(Decimal(1), Decimal(2), request_usd=Decimal("0.01"))
USAGE = Usage(prompt_tokens=1000, completion_tokens=100)
NUSD = 11_200_000


def test_what_goes_beyond_a_budget_is_booked_and_no_invariant_is_hurt(books: Books) -> None:
    add_call(books.done, 0, USAGE)
    sum_up(books.cast)
    tight = Bill.objects.get(closed_at=None)
    for row in (Bill, Allowance):
        row.objects.filter(month=tight.month).update(budget_nusd=tight.spent_nusd + tight.reserved_nusd)
    books.done.refresh_from_db()
    Run.objects.filter(pk=books.done.pk).update(budget_nusd=books.done.spent_nusd)
    assert book_unpriced(books.cast.team, {MODEL: PRICE}, most=10).nusd == NUSD
    assert broken() == {}


def test_some_are_booked_at_a_time_the_others_by_asking_again_and_none_twice(books: Books) -> None:
    for number in range(3):
        add_call(books.done, number, USAGE)
    add_call(books.done, 3, USAGE, model="another")
    sum_up(books.cast)
    first = book_unpriced(books.cast.team, {MODEL: PRICE}, most=2)
    assert (first.calls, first.left) == (2, 1)
    assert would_cost(books.cast.team, {MODEL: PRICE}, most=2) == (NUSD, True)
    second = book_unpriced(books.cast.team, {MODEL: PRICE}, most=2)
    assert (second.calls, second.left) == (1, 0)
    assert book_unpriced(books.cast.team, {MODEL: PRICE}, most=2).calls == 0
    assert unpriced_by_model(books.cast.team)["another"] == (1, 1)
    assert broken() == {}


def test_calls_of_unknown_outcome_and_of_closed_months_stay_as_they_are(books: Books) -> None:
    last_month = (timezone.now().date().replace(day=1) - timedelta(days=1)).replace(day=1)
    lost = {"state": "unknown", "cost_class": "failed", "prompt_tokens": 0, "completion_tokens": 0}
    add_call(books.done, 0, Usage(), **lost)
    add_call(books.failed, 1, USAGE, billed_month=last_month)
    sum_up(books.cast)
    assert last_month not in open_months(books.cast.team)
    assert unpriced_by_model(books.cast.team)[MODEL] == (1, 0)
    assert book_unpriced(books.cast.team, {MODEL: PRICE}, most=10).calls == 0
    assert broken() == {}


def test_a_figure_that_came_late_and_without_a_price_is_priced_in_its_own_correction(books: Books) -> None:
    call = add_call(books.done, 0, USAGE, state="late", cost_class="duplicate")
    Correction.objects.create(call=call, booked_nusd=None, cost_nusd=None, month=call.billed_month)
    sum_up(books.cast)
    assert broken() == {}
    assert book_unpriced(books.cast.team, {MODEL: PRICE}, most=10).nusd == NUSD
    kept = Correction.objects.get(call=call)
    assert (kept.booked_nusd, kept.cost_nusd, kept.why) == (None, NUSD, Corrects.PRICED)
    assert broken() == {}


def test_the_time_of_a_reply_from_before_it_was_kept_is_that_of_the_reply(books: Books) -> None:
    add_call(books.done, 0, USAGE, reply={"text": "Yes.", "tool_calls": [], "latency_ms": 2500})
    sum_up(books.cast)
    by_second = Price(Decimal(0), Decimal(0), second_usd=Decimal("0.001"))
    assert book_unpriced(books.cast.team, {MODEL: by_second}, most=10).nusd == 2_500_000
    call = Call.objects.get(model=MODEL)
    assert (call.took_ms, call.seconds_nusd) == (2500, 2_500_000)
    assert broken() == {}


def test_calls_of_unknown_time_stay_without_a_price_by_the_second(books: Books) -> None:
    add_call(books.done, 0, USAGE)
    add_call(books.done, 1, USAGE, reply={"text": "Yes.", "tool_calls": []})
    timed = add_call(books.done, 2, replace(USAGE, took_ms=1000))
    sum_up(books.cast)
    by_second = {MODEL: Price(Decimal(0), Decimal(0), second_usd=Decimal("0.001"))}
    assert bookable_by_model(books.cast.team, by_second) == {MODEL: 1}
    assert would_cost(books.cast.team, by_second, most=1) == (1_000_000, True)
    booked = book_unpriced(books.cast.team, by_second, most=1)
    assert (booked.calls, booked.nusd, booked.left) == (1, 1_000_000, 0)
    assert list(Call.objects.filter(model=MODEL, cost_nusd__isnull=False)) == [timed]
    assert book_unpriced(books.cast.team, {MODEL: PRICE}, most=10).calls == 2  # by tokens they can be
    assert broken() == {}


def test_a_month_that_was_closed_meanwhile_is_not_changed(books: Books) -> None:
    """The calls were found while the month was open; by the time they are booked, it is not."""
    this_month = timezone.now().date().replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    call = add_call(books.failed, 0, USAGE, billed_month=last_month)
    sum_up(books.cast)
    closed = Bill.objects.get(month=last_month).spent_nusd
    late_prices._book(books.cast.team, [books.failed.pk], [call.pk], {MODEL: PRICE}, lambda calls, nusd: None)
    assert Bill.objects.get(month=last_month).spent_nusd == closed
    assert Correction.objects.get(call=call).month == this_month
    assert broken() == {}
