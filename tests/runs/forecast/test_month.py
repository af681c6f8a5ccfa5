"""What a forecast is made of, and its edges: the pure part."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.forecast.month import DAY, BudgetEnd, Forecast, forecast, next_month
from runs.forecast.pace import t_quantile
from runs.forecast.words import NO_FORECAST, ends_text, forecast_text, range_text, why

NOVEMBER = date(2026, 11, 1)
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)  # a Monday
USD = 10**9


def alike(
    count: int, usd: int = 10, *, before: date = date(2026, 11, 16), weekend: int | None = None
) -> dict[date, int]:
    """So many days with the same amount, up to the day before."""
    days = [before - place * DAY for place in range(1, count + 1)]
    return {day: (usd if weekend is None or day.weekday() < 5 else weekend) * USD for day in days}


def of(days: dict[date, int], *, now: datetime = NOON, budget_usd: int | None = None) -> Forecast:
    spent = sum(amount for day, amount in days.items() if day >= NOVEMBER)
    budget = None if budget_usd is None else budget_usd * USD
    return forecast(days, month=NOVEMBER, spent_nusd=spent, now=now, budget_nusd=budget)


def known(found: Forecast) -> tuple[float, float]:
    assert found.low_nusd is not None
    assert found.high_nusd is not None
    return found.low_nusd / USD, found.high_nusd / USD


class TestOver:
    def test_a_month_that_is_over_comes_to_what_its_bill_says(self) -> None:
        for now in (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)):
            found = of(alike(10), now=now)
            assert found.low_nusd == found.high_nusd == found.spent_nusd == 100 * USD
            assert (found.confidence, found.is_over) == (100, True)

    def test_its_last_moment_is_still_a_forecast_and_a_narrow_one(self) -> None:
        end = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
        low, high = known(of(alike(29, before=end.date()), now=end))
        assert 290 <= low <= high < 290.4


class TestDays:
    def test_less_than_three_days_give_none(self) -> None:
        assert of({}).low_nusd is None
        assert of(alike(2)).low_nusd is None
        assert of(alike(3)).is_known

    def test_today_is_no_day_yet(self) -> None:
        assert of(alike(2) | {NOON.date(): USD}).low_nusd is None

    def test_days_without_anything_are_days_once_something_was_spent(self) -> None:
        seldom = {NOON.date() - place * DAY: 10 * USD for place in (2, 12, 22)}
        assert (of(seldom).days, of(alike(3)).days) == (22, 3)

    def test_older_days_than_eight_weeks_only_tell_that_it_had_begun(self) -> None:
        old = {NOON.date() - 60 * DAY: 10 * USD}
        assert of(alike(3) | old).days == 56
        assert of(alike(2) | old).low_nusd is None

    def test_three_days_that_are_alike_make_nobody_certain(self) -> None:
        days = alike(3)
        low, high = known(of(days))
        assert low < 30 + 145 * 0.85
        assert high > 30 + 145 * 1.15

    def test_weekdays_are_told_apart_from_three_weeks_on(self) -> None:
        assert not of(alike(20, weekend=0)).by_weekday
        assert of(alike(21, weekend=0)).by_weekday
        assert not of(alike(50)).by_weekday, "where they do not differ there is nothing to tell apart"

    def test_a_weekend_on_which_nothing_ever_runs_costs_nothing(self) -> None:
        saturday = datetime(2026, 11, 28, tzinfo=UTC)
        days = alike(56, weekend=0, before=saturday.date())
        low, high = known(of(days, now=saturday))
        assert low - of(days, now=saturday).spent_nusd / USD == pytest.approx(8, abs=3), "the 30th is a Monday"
        assert high < low + 6

    def test_what_is_left_of_today_is_a_part_of_a_day(self) -> None:
        days = alike(56)
        lows = [known(of(days, now=NOON.replace(hour=hour)))[0] for hour in (0, 6, 12, 18)]
        assert lows == sorted(lows, reverse=True)

    def test_growth_that_stands_out_goes_on(self) -> None:
        days = {NOON.date() - place * DAY: (100 - place) * USD for place in range(1, 57)}
        found = of(days)
        assert found.slope > 0
        rest = known(found)[0] - found.spent_nusd / USD
        assert rest > 14.5 * 99, "more than the newest day has"

    def test_where_nothing_may_run_any_more_nothing_more_need_be_spent(self) -> None:
        late = datetime(2026, 11, 28, tzinfo=UTC)
        seldom = {late.date() - place * DAY: 50 * USD for place in (3, 12, 19, 33, 47)}
        found = of(seldom, now=late)
        assert found.low_nusd == found.spent_nusd


amounts = st.lists(st.one_of(st.just(0), st.integers(0, 10**13)), min_size=1, max_size=70)


@settings(max_examples=200)
@given(amounts=amounts, minute=st.integers(0, 30 * 24 * 60 - 1), budget=st.integers(0, 10**15))
def test_whatever_the_days_a_range_is_whole_holds_what_is_spent_and_comes_out_alike(
    amounts: list[int], minute: int, budget: int
) -> None:
    now = datetime.combine(NOVEMBER, datetime.min.time(), UTC) + timedelta(minutes=minute)
    days = {now.date() - place * DAY: amount for place, amount in enumerate(amounts)}
    spent = sum(amount for day, amount in days.items() if day >= NOVEMBER)
    found = forecast(days, month=NOVEMBER, spent_nusd=spent, now=now, budget_nusd=budget)
    assert found == forecast(days, month=NOVEMBER, spent_nusd=spent, now=now, budget_nusd=budget)
    if found.low_nusd is None or found.high_nusd is None:
        assert sum(amount > 0 for place, amount in enumerate(amounts[:57]) if place) < 3
        return
    assert isinstance(found.low_nusd, int)
    assert isinstance(found.high_nusd, int)
    assert spent <= found.low_nusd <= found.high_nusd
    end = found.end
    assert (end is None) == (budget <= spent)
    if end and end.earliest:
        assert now.date() <= end.earliest < next_month(NOVEMBER)
        assert end.latest is None or end.earliest <= end.latest


class TestBudget:
    def test_it_ends_on_one_of_several_days(self) -> None:
        end = of(alike(56), budget_usd=200).end
        assert end is not None
        assert end.earliest is not None
        assert end.latest is not None
        assert date(2026, 11, 20) <= end.earliest <= date(2026, 11, 21) <= end.latest <= date(2026, 11, 22)

    def test_one_that_lasts_does_not_end_this_month(self) -> None:
        assert of(alike(56), budget_usd=900).end == BudgetEnd(900 * USD, None, None)

    def test_one_that_is_used_up_has_ended(self) -> None:
        assert of(alike(56), budget_usd=150).end is None

    def test_one_without_a_forecast_says_nothing(self) -> None:
        assert of(alike(2), budget_usd=500).end is None


@pytest.mark.parametrize(("freedom", "table"), [(3, 1.638), (5, 1.476), (10, 1.372), (30, 1.310), (120, 1.289)])
def test_students_t_is_that_of_the_tables(freedom: int, table: float) -> None:
    assert t_quantile(freedom, 1.2815515655446004) == pytest.approx(table, abs=0.003)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (498_120_000_000, 530_200_000_000, "$498-531"),
        (1_498_000_000_000, 2_000_000_000_000, "$1,498-2,000"),
        (4_201_000_000, 5_122_000_000, "$4.20-5.13"),
        (31_040_000, 40_110_000, "$0.0310-0.0402"),
        (0, 2_000_500, "$0-0.002001"),
        (7 * USD, 7 * USD, "$7.00"),
        (-500_000, -428_000, "−$0.000500 to −$0.000428"),
        (-USD // 2, USD // 10, "−$0.5000 to $0.1000"),
        (-7 * USD, -7 * USD, "−$7.00"),
    ],
)
def test_a_range_is_widened_to_the_digits_that_its_size_needs(low: int, high: int, text: str) -> None:
    assert range_text(low, high) == text


@pytest.mark.parametrize(
    ("spent", "low", "high", "text"),
    [
        (1_149_300_001, 1_149_300_001, 1_271_000_000, "$1.1494-1.28"),
        (1_149_342_000, 1_149_342_000, 1_271_000_000, "$1.1494-1.28"),
        (1_149_990_000, 1_149_990_000, 1_150_000_000, "$1.15"),
        (500, 500, 1_500, "$0.00000050-0.000002"),
        (525_690_000, 525_690_000, 577_200_000, "$0.525690-0.5772"),
        (498_370_000_000, 498_600_000_000, 530_200_000_000, "$498.60-531"),
        (498_370_000_000, 499_600_000_000, 530_200_000_000, "$499-531"),
    ],
)
def test_a_range_is_not_widened_below_what_is_spent(spent: int, low: int, high: int, text: str) -> None:
    assert forecast_text(Forecast(NOVEMBER, spent, low, high)).startswith(f"{text} by ")


def test_in_words() -> None:
    found = Forecast(NOVEMBER, 0, 498 * USD, 530_990_000_000, days=56, by_weekday=True)
    assert forecast_text(found) == "$498-531 by 30 Nov (80 %)"
    assert why(found) == "From the last 56 days, by weekday. Exactly $498 to $530.99."
    assert forecast_text(Forecast(NOVEMBER, 5, None, None)) == NO_FORECAST
    assert NO_FORECAST == "less than 3 days of runs: no forecast yet"


@pytest.mark.parametrize(
    ("earliest", "latest", "text"),
    [
        (None, None, "lasts the month"),
        (24, None, "ends 24 Nov at the earliest, or not this month"),
        (24, 24, "ends on 24 Nov"),
        (24, 28, "ends 24-28 Nov"),
    ],
)
def test_the_end_of_a_budget_in_words(earliest: int | None, latest: int | None, text: str) -> None:
    days = [None if day is None else NOVEMBER.replace(day=day) for day in (earliest, latest)]
    assert ends_text(Forecast(NOVEMBER, 0, 1, 1, end=BudgetEnd(1, *days))) == text
