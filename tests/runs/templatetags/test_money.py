"""Money on pages: exact, never 0 by mistake, and a lower bound where prices are missing."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.utils.html import strip_tags

from runs.bounds.standings import Standing
from runs.money import dollars as dollars_of
from runs.templatetags.money import budget, cost, plain_usd, price, share, usd


@pytest.mark.parametrize(
    ("nusd", "shown"),
    [
        (0, "$0"),
        (1, "$0.000000"),
        (123_000, "$0.000123"),
        (9_999_999, "$0.010000"),
        (10_000_000, "$0.0100"),
        (1_234_567_890_000, "$1,234.5679"),
        (-1_000, "−$0.000001"),
        (-20_000_000_000, "−$20.0000"),
        (None, "unpriced"),
    ],
)
def test_money_is_shown_to_where_it_matters(nusd: int | None, shown: str) -> None:
    assert strip_tags(usd(nusd)) == shown


def test_the_exact_amount_is_always_there() -> None:
    assert 'title="$0.000000001"' in usd(1)
    assert 'title="−$0.000000001"' in usd(-1)
    assert (dollars_of(-500_000_000), plain_usd(-500_000_000)) == ("−$0.50", "−$0.5000")
    assert 'title="$1,234.567890123"' in usd(1_234_567_890_123)


@pytest.mark.parametrize(
    ("spent", "unpriced", "shown"), [(0, 0, "$0"), (0, 2, "unpriced"), (750_000, 0, "$0.000750"), (750_000, 1, "≥")]
)
def test_a_sum_without_all_prices_is_a_lower_bound(spent: int, unpriced: int, shown: str) -> None:
    assert shown in strip_tags(cost(SimpleNamespace(spent_nusd=spent, unpriced_calls=unpriced)))


@pytest.mark.parametrize(("part", "whole", "percent"), [(1, 3, 33), (5, 3, 100), (-1, 3, 0), (1, 0, 0)])
def test_a_share_lies_between_0_and_100(part: int, whole: int, percent: int) -> None:
    assert share(part, whole) == percent


@pytest.mark.parametrize(
    ("usd", "shown"), [("10", "$10"), ("2.5000000000", "$2.50"), ("0.0375", "$0.0375"), ("0", "$0"), ("1E+1", "$10")]
)
def test_a_price_is_exact_and_has_no_needless_digits(usd: str, shown: str) -> None:
    assert price(Decimal(usd)) == shown


def test_a_standing_says_what_is_not_in_it() -> None:
    shown = budget(Standing(10**9, 5, 0, unpriced_calls=3), "The budget")
    assert (shown["unpriced"], shown["spent"], shown["left"]) == (3, 5, 10**9 - 5)
