"""A team's own prices: from a day and for a term, as a share of another price, of long prompts, and by the second."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue.pricing import Price, Rates, Usage, cost_usd, worst_case_usd
from runs.ledger.prices import TeamPrices, discounted
from runs.models import PriceQuote
from runs.prices.actions import PriceOrder, set_price, take_back
from runs.prices.queries import history_of, listed, price_of
from teams.refusals import Invalid
from tests.cast import Cast
from tests.runs.listed import list_prices

pytestmark = pytest.mark.django_db

LISTED = ("gpt-4o", "gpt-5.4", "azure/gpt-4o", "claude-haiku-4-5", "perplexity/sonar")
ONE_AND_TWO = {"input_usd_per_mtok": Decimal(1), "output_usd_per_mtok": Decimal(2)}
TWO_AND_FOUR = {"input_usd_per_mtok": Decimal(2), "output_usd_per_mtok": Decimal(4)}
DAY = timedelta(days=1)


def price(cast: Cast, model: str, at: datetime | None = None) -> Price:
    found = TeamPrices(cast.team, [model], at=at).price(model)
    assert found is not None
    return found


def refusal(cast: Cast, **order: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        set_price(cast.owner, PriceOrder(**order))
    return refused.value.fields


class TestTimes:
    def test_a_price_begins_on_its_day_and_the_one_before_ends_there(self, cast: Cast) -> None:
        now, tomorrow = timezone.now(), timezone.now() + DAY
        first = set_price(cast.owner, PriceOrder("m", **ONE_AND_TWO))
        second = set_price(cast.owner, PriceOrder("m", begins_at=tomorrow, **TWO_AND_FOUR))
        assert price(cast, "m").quote_id == first.pk
        assert price(cast, "m", now + 2 * DAY).quote_id == second.pk
        assert price_of(cast.viewer, "m").later == second
        states = [(past.quote.pk, past.state, past.ended_at) for past in history_of(cast.viewer, "m")]
        assert states == [(second.pk, "later", None), (first.pk, "now", tomorrow)]

    def test_a_price_that_has_not_begun_is_taken_back_as_if_it_had_never_been_set(self, cast: Cast) -> None:
        tomorrow = timezone.now() + DAY
        first = set_price(cast.owner, PriceOrder("m", **ONE_AND_TWO))
        second = set_price(cast.owner, PriceOrder("m", begins_at=tomorrow, **TWO_AND_FOUR))
        assert take_back(cast.owner, second)
        first.refresh_from_db()
        assert first.ends_at is None
        assert price(cast, "m", tomorrow + DAY).quote_id == first.pk
        assert not take_back(cast.owner, second)
        again = set_price(cast.owner, PriceOrder("m", begins_at=tomorrow, **TWO_AND_FOUR))
        assert price(cast, "m", tomorrow + DAY).quote_id == again.pk

    def test_a_price_in_force_can_be_taken_back_while_another_is_to_come(self, cast: Cast) -> None:
        tomorrow = timezone.now() + DAY
        first = set_price(cast.owner, PriceOrder("m", **ONE_AND_TWO))
        second = set_price(cast.owner, PriceOrder("m", begins_at=tomorrow, **TWO_AND_FOUR))
        assert take_back(cast.owner, first)
        assert TeamPrices(cast.team, ["m"]).price("m") is None
        assert price(cast, "m", tomorrow + DAY).quote_id == second.pk

    def test_after_its_term_the_list_holds(self, cast: Cast) -> None:
        list_prices("gpt-4o")
        now = timezone.now()
        set_price(cast.owner, PriceOrder("gpt-4o", until=now + 3 * DAY, note="Contract 7", **ONE_AND_TWO))
        assert price(cast, "gpt-4o", now + 2 * DAY).input_usd_per_mtok == 1
        assert price(cast, "gpt-4o", now + 4 * DAY).input_usd_per_mtok == Decimal("2.5")
        (own, *_) = history_of(cast.viewer, "gpt-4o")
        assert (own.quote.note, own.ended_at) == ("Contract 7", now + 3 * DAY)

    def test_two_prices_do_not_overlap(self, cast: Cast) -> None:
        now = timezone.now()
        set_price(cast.owner, PriceOrder("m", begins_at=now + 5 * DAY, **ONE_AND_TWO))
        assert list(refusal(cast, model="m", **TWO_AND_FOUR)) == ["until"]
        assert list(refusal(cast, model="m", begins_at=now + 5 * DAY, **TWO_AND_FOUR)) == ["until"]
        assert list(refusal(cast, model="m", until=now + 6 * DAY, **TWO_AND_FOUR)) == ["until"]
        before = set_price(cast.owner, PriceOrder("m", until=now + 5 * DAY, **TWO_AND_FOUR))
        assert price(cast, "m").quote_id == before.pk

    def test_times_that_cannot_be_are_told(self, cast: Cast) -> None:
        now = timezone.now()
        assert "in the past" in refusal(cast, model="m", begins_at=now - DAY, **ONE_AND_TWO)["begins_at"]
        assert "begins_at" in refusal(cast, model="m", begins_at=now + 5000 * DAY, **ONE_AND_TWO)
        assert "until" in refusal(cast, model="m", until=now - DAY, **ONE_AND_TWO)
        assert "until" in refusal(cast, model="m", begins_at=now + DAY, until=now + DAY, **ONE_AND_TWO)
        assert not PriceQuote.objects.exists()


class TestShares:
    def test_a_discount_is_off_every_figure_and_follows_the_list(self, cast: Cast) -> None:
        list_prices("gpt-5.4")
        whole = price(cast, "gpt-5.4")
        own = set_price(cast.owner, PriceOrder("gpt-5.4", discount_percent=Decimal("12.5")))
        less = price(cast, "gpt-5.4")
        assert less.input_usd_per_mtok == whole.input_usd_per_mtok * Decimal("0.875")
        assert less.tiers[0].output_usd_per_mtok == whole.tiers[0].output_usd_per_mtok * Decimal("0.875")
        assert (less.quote_id, less.entry) == (own.pk, "gpt-5.4")
        PriceQuote.objects.create(model="gpt-5.4", input_usd_per_mtok=8, output_usd_per_mtok=80)
        assert price(cast, "gpt-5.4").input_usd_per_mtok == 7

    def test_fees_are_discounted_too_and_a_surcharge_is_below_nothing(self, cast: Cast) -> None:
        list_prices("perplexity/sonar")
        set_price(cast.owner, PriceOrder("perplexity/sonar", discount_percent=Decimal(-10)))
        assert price(cast, "perplexity/sonar").request_usd == Decimal("0.0055")

    def test_a_deployment_has_a_discount_off_what_it_is_like(self, cast: Cast) -> None:
        list_prices("azure/gpt-4o")
        set_price(cast.owner, PriceOrder("azure/ours", like="azure/gpt-4o", discount_percent=Decimal(20)))
        assert price(cast, "azure/ours").input_usd_per_mtok == 2
        set_price(cast.owner, PriceOrder("azure/gpt-4o", discount_percent=Decimal(50)))
        assert price(cast, "azure/ours").input_usd_per_mtok == 1  # and follows that model's own

    def test_a_discount_of_a_whole_provider_is_for_what_the_list_has(self, cast: Cast) -> None:
        list_prices("gpt-4o", "claude-haiku-4-5")
        set_price(cast.owner, PriceOrder("openai/*", discount_percent=Decimal(10)))
        assert price(cast, "gpt-4o").input_usd_per_mtok == Decimal("2.25")
        assert price(cast, "claude-haiku-4-5").input_usd_per_mtok == 1
        assert TeamPrices(cast.team, ["openai/unheard-of"]).price("openai/unheard-of") is None
        set_price(cast.owner, PriceOrder("gpt-4o", **ONE_AND_TWO))  # the model's own goes before it
        assert price(cast, "gpt-4o").input_usd_per_mtok == 1

    def test_what_cannot_be_is_told(self, cast: Cast) -> None:
        list_prices("gpt-4o")
        assert list(refusal(cast, model="gpt-4o", discount_percent=Decimal(101))) == ["discount_percent"]
        for wrong in ("NaN", "0E-999999", "0E+999999", "1E+999999", "1E-999999", "-Infinity"):
            assert list(refusal(cast, model="gpt-4o", discount_percent=Decimal(wrong))) == ["discount_percent"]
        assert list(refusal(cast, model="gpt-4o", discount_percent=Decimal("0.00001"))) == ["discount_percent"]
        assert list(refusal(cast, model="nobodys", discount_percent=Decimal(5))) == ["discount_percent"]
        assert list(refusal(cast, model="gpt-4o", discount_percent=Decimal(5), **ONE_AND_TWO)) == ["discount_percent"]
        assert list(refusal(cast, model="gpt-4o", discount_percent=Decimal(99))) == ["discount_percent", "sure"]
        assert set_price(cast.owner, PriceOrder("gpt-4o", discount_percent=Decimal(99), sure=True)).pk

    @given(usd=st.decimals(0, 1000, places=10), percent=st.decimals(-100, 100, places=4))
    def test_a_share_is_exact_to_the_decimals_that_are_kept(self, usd: Decimal, percent: Decimal) -> None:
        less = discounted(Price(usd, usd), percent).input_usd_per_mtok
        assert less == less.quantize(Decimal("1e-10"))
        assert abs(less - usd * (100 - percent) / 100) <= Decimal("0.5e-10")


class TestLengths:
    def test_own_prices_of_long_prompts_are_kept_and_apply(self, cast: Cast) -> None:
        long = Rates(Decimal(2), Decimal(3), above_tokens=1000)
        set_price(cast.owner, PriceOrder("m", tiers=(long,), **ONE_AND_TWO))
        found = price(cast, "m")
        assert found.tiers == (long,)
        assert cost_usd(Usage(prompt_tokens=1001), found) == Decimal("0.002002")

    @pytest.mark.parametrize(
        "tiers",
        [
            (Rates(Decimal(1), Decimal(1), above_tokens=0),),
            (Rates(Decimal(-1), Decimal(1), above_tokens=5),),
            (Rates(Decimal(1), Decimal(1), above_tokens=5), Rates(Decimal(1), Decimal(1), above_tokens=5)),
        ],
    )
    def test_those_that_make_no_sense_are_told(self, cast: Cast, tiers: tuple[Rates, ...]) -> None:
        assert list(refusal(cast, model="m", tiers=tiers, **ONE_AND_TWO)) == ["tiers"]

    def test_one_in_another_unit_is_asked_about(self, cast: Cast) -> None:
        tiers = (Rates(Decimal("0.0000002"), Decimal(1), above_tokens=5),)
        assert list(refusal(cast, model="m", tiers=tiers, **ONE_AND_TWO)) == ["tiers", "sure"]


class TestSeconds:
    BY_SECOND = {"input_usd_per_mtok": Decimal(0), "output_usd_per_mtok": Decimal(0), "second_usd": Decimal("0.0007")}

    def test_a_server_of_one_s_own_costs_by_the_time_that_a_reply_takes(self, cast: Cast) -> None:
        set_price(cast.owner, PriceOrder("hosted_vllm/*", **self.BY_SECOND))
        found = price(cast, "hosted_vllm/llama-3:70b")
        assert cost_usd(Usage(prompt_tokens=5, completion_tokens=9, took_ms=1234), found) == Decimal("0.0008638")
        assert worst_case_usd(100, 100, found, max_s=600) == Decimal("0.42")

    def test_dollars_for_a_second_are_asked_about(self, cast: Cast) -> None:
        dear = self.BY_SECOND | {"second_usd": Decimal(7)}
        assert list(refusal(cast, model="m", **dear)) == ["second_usd", "sure"]


def test_the_whole_list_is_searched_by_words_and_read_in_pages(cast: Cast) -> None:
    list_prices(*LISTED)
    PriceQuote.objects.create(
        model="gpt-4o", input_usd_per_mtok=9, output_usd_per_mtok=9, begins_at=timezone.now() + DAY
    )
    set_price(cast.owner, PriceOrder("gpt-4o", **ONE_AND_TWO))
    page = listed(cast.viewer, limit=2)
    assert [one.model for one in page.items] == sorted(LISTED)[:2]
    rest = listed(cast.viewer, after=page.next, limit=10)
    assert [one.model for one in (*page.items, *rest.items)] == sorted(LISTED)
    assert rest.next == ""
    (azure, plain) = listed(cast.viewer, "gpt 4O").items
    assert (azure.model, plain.model, plain.price.input_usd_per_mtok) == ("azure/gpt-4o", "gpt-4o", Decimal("2.5"))  # type: ignore[union-attr]
    assert (azure.own, plain.own is not None) == (None, True)
