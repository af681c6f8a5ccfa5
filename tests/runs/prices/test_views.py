"""The page and the API of prices: what each role sees, what is asked again, and that what was typed stays."""

from __future__ import annotations

import csv
import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents_app.models import Crew
from runs.ledger.prices import TeamPrices
from runs.models import Allowance, Bill, Call, PriceQuote
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast
from tests.ledger import make_call, make_run
from tests.pages import html, signed_in
from tests.runs.listed import list_prices

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/prices/"
API = "/api/v1/prices"
LISTED = ("gpt-4o-mini", "gpt-5.4", "azure/gpt-4o", "ft:gpt-4o-mini-2024-07-18", "perplexity/sonar")
TYPED = {"model": "my-model", "input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.60"}


def api(cast: Cast, method: str, path: str = API, body: dict[str, Any] | None = None) -> Any:
    _, secret = issue_token(cast.owner, scope=Scope.ADMIN)
    headers = {"Authorization": f"Bearer {secret}"}
    return getattr(Client(), method)(
        path, data=None if body is None else json.dumps(body), content_type="application/json", headers=headers
    )


class TestPage:
    def test_a_viewer_sees_what_models_cost_and_no_form(self, cast: Cast, crew: Crew) -> None:
        list_prices(*LISTED)
        page = html(signed_in(cast.viewer).get(PAGE))
        assert "gpt-4o-mini" in page
        assert "$0.15" in page
        assert "Set the price" not in page
        assert signed_in(cast.viewer).post(PAGE, TYPED).status_code == 403

    def test_a_lookup_names_the_entry_that_it_took(self, cast: Cast) -> None:
        list_prices(*LISTED)
        page = html(signed_in(cast.viewer).get(PAGE, {"model": "ft:gpt-4o-mini-2024-07-18:acme::abc"}))
        assert re.search(r"ft:gpt-4o-mini-2024-07-18\s*<div", page)
        assert "nowhere" in html(signed_in(cast.viewer).get(PAGE, {"model": "azure/ours"}))

    def test_an_owner_sets_a_price_and_takes_it_back(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        assert client.post(PAGE, TYPED).status_code == 302
        quote = PriceQuote.objects.get()
        assert (quote.team, quote.made_by) == (cast.team, cast.owner.user)
        assert quote.input_usd_per_mtok == Decimal("0.15")
        assert "your own" in html(client.get(PAGE))
        assert client.post(f"{PAGE}{quote.pk}/take-back/").status_code == 302
        assert TeamPrices(cast.team, ["my-model"]).price("my-model") is None

    def test_a_price_per_token_is_asked_about_and_what_was_typed_stays(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        per_token = TYPED | {"input_usd_per_mtok": "0.00000015"}
        response = client.post(PAGE, per_token)
        assert response.status_code == 422
        assert list(response.context["form"].errors) == ["input_usd_per_mtok", "sure"]
        assert 'value="0.00000015"' in html(response)
        assert 'name="sure"' in html(response)
        assert not PriceQuote.objects.exists()
        assert client.post(PAGE, per_token | {"sure": "on"}).status_code == 302

    def test_the_form_begins_with_what_holds(self, cast: Cast) -> None:
        list_prices(*LISTED)
        form = signed_in(cast.owner).get(PAGE, {"model": "perplexity/sonar"}).context["form"]
        assert form["model"].value() == "perplexity/sonar"
        assert form.has_fees
        assert 'value="0.005"' in str(form["request_usd"])

    def test_a_price_from_a_day_with_long_prompts_and_a_last_day(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        typed = TYPED | {
            "begins_on": "2031-01-01",
            "last_day": "2031-01-31",
            "note": "C-7",
            "tiers": "200,000 $0.30 0.9",
        }
        assert "holds for runs that begin from 2031-01-01 on" in html(client.post(PAGE, typed, follow=True))
        quote = PriceQuote.objects.get()
        assert (f"{quote.begins_at:%Y-%m-%d %H:%M}", f"{quote.until:%Y-%m-%d %H:%M}") == (
            "2031-01-01 00:00",
            "2031-02-01 00:00",
        )
        assert (quote.note, quote.tiers.get().above_tokens) == ("C-7", 200_000)
        assert "to come" in html(client.get(f"{PAGE}history/", {"model": "my-model"}))

    def test_today_is_now_and_yesterday_is_refused_at_its_field(self, cast: Cast) -> None:
        client, today = signed_in(cast.owner), timezone.now().date()
        response = client.post(PAGE, TYPED | {"begins_on": str(today - timedelta(days=1))})
        assert list(response.context["form"].errors) == ["begins_on"]
        assert client.post(PAGE, TYPED | {"begins_on": str(today)}).status_code == 302
        assert TeamPrices(cast.team, ["my-model"]).price("my-model") is not None

    @pytest.mark.parametrize("typed", ["0E-999999", "1E+999999", "NaN"])
    def test_a_number_of_a_million_digits_is_told_and_stays(self, cast: Cast, typed: str) -> None:
        for body in (TYPED | {"tiers": f"200000 {typed} 2"}, {"model": "gpt-4o-mini", "discount_percent": typed}):
            response = signed_in(cast.owner).post(PAGE, body)
            assert response.status_code == 422
            assert typed in html(response)
        assert not PriceQuote.objects.filter(team=cast.team).exists()

    @pytest.mark.parametrize("tiers", ["200000", "x 1 2", "5 1 -", "5 1 a", "-5 1 2", "5 1 2 3 4 5 6", "1 1 1\n" * 9])
    def test_lengths_that_cannot_be_read_are_told_and_stay(self, cast: Cast, tiers: str) -> None:
        response = signed_in(cast.owner).post(PAGE, TYPED | {"tiers": tiers})
        assert list(response.context["form"].errors) == ["tiers"]
        assert tiers.split(maxsplit=1)[0] in html(response)

    def test_the_form_begins_with_the_list_s_long_prompts_and_with_a_discount(self, cast: Cast) -> None:
        list_prices(*LISTED)
        client = signed_in(cast.owner)
        form = client.get(PAGE, {"model": "gpt-5.4"}).context["form"]
        assert form["tiers"].value() == "272000  5  22.5  0.5"
        typed = {"model": "gpt-5.4", "discount_percent": "7.5"}
        assert client.post(PAGE, typed).status_code == 302
        page = html(client.get(PAGE))
        assert "7.5 % less" in page
        assert client.get(PAGE, {"model": "gpt-5.4"}).context["form"]["discount_percent"].value() == "7.5"

    def test_only_calls_that_can_be_booked_are_offered(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.runner, crew, unpriced_calls=3)
        for step in range(3):
            unpriced = {"cost_nusd": None, "input_usd_per_mtok": None, "output_usd_per_mtok": None}
            make_call(run, step=step, model="mine", took_ms=0, **unpriced)
        client = signed_in(cast.owner)
        client.post(
            PAGE, {"model": "mine", "input_usd_per_mtok": "0", "output_usd_per_mtok": "0", "second_usd": "0.001"}
        )
        page = html(client.get(PAGE))
        assert "0 can be priced" in page
        assert "what they used, or how long they took, is not known" in page
        assert "Book " not in page
        Call.objects.filter(run=run, step=1).update(took_ms=1_000)
        Call.objects.filter(run=run, step=2).update(reply={"latency_ms": 2_000})
        assert "Book 2 calls<" in html(client.get(PAGE))

    def test_calls_without_a_price_stand_on_top_and_are_booked_by_an_owner(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.runner, crew, unpriced_calls=1)
        call = make_call(run, model="mine", cost_nusd=None, input_usd_per_mtok=None, output_usd_per_mtok=None)
        Bill.objects.create(team=cast.team, month=call.billed_month)
        Allowance.objects.create(team=cast.team, user=cast.runner.user, month=call.billed_month)
        client = signed_in(cast.owner)
        page = html(client.get(PAGE))
        assert page.index("Called without a price") < page.index("What your models cost")
        assert "no price is known" in page
        nothing = client.post(f"{PAGE}unpriced/", {"model": "mine"}, follow=True)
        assert "No price is known for this model yet." in html(nothing)
        client.post(PAGE, TYPED | {"model": "mine"})
        assert "Book 1 call<" in html(client.get(PAGE))
        assert signed_in(cast.editor).post(f"{PAGE}unpriced/", {"model": "mine"}).status_code == 403
        assert "1 call without a price booked, $0.000045 in all." in html(
            client.post(f"{PAGE}unpriced/", {"model": "mine"}, follow=True)
        )
        assert Bill.objects.get().spent_nusd == Allowance.objects.get().spent_nusd == 45_000
        assert "Called without a price" not in html(client.get(PAGE))
        page = html(client.get(f"/t/acme/runs/{run.pk}/calls/{call.pk}/"))
        assert "until it was priced" in page

    def test_the_list_is_searched_and_read_on(self, cast: Cast) -> None:
        list_prices(*LISTED)
        client = signed_in(cast.viewer)
        assert "2 models with" in html(client.get(f"{PAGE}list/", {"q": "gpt mini"}))
        assert "no model with all of these words" in html(client.get(f"{PAGE}list/", {"q": "<b>"}))
        assert "perplexity/sonar" in html(client.get(f"{PAGE}list/", {"after": "gpt"}))

    def test_another_team_s_price_is_not_found(self, cast: Cast) -> None:
        quote = PriceQuote.objects.create(
            team=cast.stranger.team, model="m", input_usd_per_mtok=1, output_usd_per_mtok=1
        )
        assert signed_in(cast.owner).post(f"{PAGE}{quote.pk}/take-back/").status_code == 404


class TestApi:
    def test_a_price_is_set_found_and_taken_back(self, cast: Cast) -> None:
        list_prices(*LISTED)
        made = api(cast, "post", body={"model": "azure/ours", "like": "azure/gpt-4o"})
        assert made.status_code == 201, made.content
        assert (made.json()["like"], made.json()["own"]) == ("azure/gpt-4o", True)
        (found,) = api(cast, "get", f"{API}?model=azure/ours").json()["items"]
        assert (found["price"]["entry"], found["price"]["own"]) == ("azure/gpt-4o", False)
        assert (found["price"]["input_usd_per_mtok"], found["own"]["id"]) == ("2.5", made.json()["id"])
        assert api(cast, "delete", f"{API}/{made.json()['id']}").status_code == 204
        assert api(cast, "get", f"{API}?model=azure/ours").json()["items"][0]["price"] is None

    def test_tiers_and_fees_are_told(self, cast: Cast) -> None:
        list_prices(*LISTED)
        (found,) = api(cast, "get", f"{API}?model=gpt-5.4").json()["items"]
        assert found["price"]["tiers"][0]["above_tokens"] == 272_000
        (found,) = api(cast, "get", f"{API}?model=perplexity/sonar").json()["items"]
        assert found["price"]["request_usd"] == "0.005"

    def test_a_price_per_token_is_refused_unless_it_is_meant(self, cast: Cast) -> None:
        body = TYPED | {"input_usd_per_mtok": "0.00000015"}
        refused = api(cast, "post", body=body)
        assert refused.status_code == 422
        assert set(refused.json()["error"]["fields"]) == {"input_usd_per_mtok", "sure"}
        assert api(cast, "post", body=body | {"sure": True}).status_code == 201

    @pytest.mark.parametrize(
        "model", ["a%00b", "x" * 201, "%F0%9F%92%B8", "a/b/c/d:e@20250101", "ft:", "/", "%20", "ollama/"]
    )
    def test_any_id_may_be_looked_up(self, cast: Cast, model: str) -> None:
        assert api(cast, "get", f"{API}?model={model}").status_code in (200, 400, 422)
        assert signed_in(cast.owner).get(f"{PAGE}?model={model}").status_code in (200, 400)

    def test_a_price_from_a_time_with_tiers_and_seconds_comes_back_in_its_history(self, cast: Cast) -> None:
        tier = {"above_tokens": 9, "input_usd_per_mtok": "1", "output_usd_per_mtok": "2"}
        body = TYPED | {"begins_at": "2031-01-01T08:00:00Z", "tiers": [tier], "second_usd": "0.001", "note": "n"}
        made = api(cast, "post", body=body)
        assert made.status_code == 201, made.content
        assert (made.json()["begins_at"], made.json()["second_usd"]) == ("2031-01-01T08:00:00Z", "0.001")
        history = api(cast, "get", f"{API}/history?model=my-model").json()["items"]
        assert [(one["state"], one["quote"]["tiers"][0]["above_tokens"]) for one in history] == [("later", 9)]
        (found,) = api(cast, "get", f"{API}?model=my-model").json()["items"]
        assert (found["price"], found["later"]["id"]) == (None, made.json()["id"])
        assert api(cast, "post", body=body | {"begins_at": "2020-01-01T00:00:00Z"}).status_code == 422

    def test_the_list_is_read_in_pages(self, cast: Cast) -> None:
        list_prices(*LISTED)
        first = api(cast, "get", f"{API}/list?limit=2").json()
        rest = api(cast, "get", f"{API}/list?limit=50&cursor={first['next']}").json()
        assert [one["model"] for one in (*first["items"], *rest["items"])] == sorted(LISTED)
        assert rest["next"] is None

    @pytest.mark.parametrize("path", [f"{API}/list", f"{API}?model=gpt-5.4"])
    def test_csv_has_the_figures_of_the_json(self, cast: Cast, path: str) -> None:
        list_prices(*LISTED)
        api(cast, "post", body={"model": "gpt-5.4", "discount_percent": "10"})
        _, secret = issue_token(cast.owner)
        answer = Client().get(path, headers={"Authorization": f"Bearer {secret}", "Accept": "text/csv"})
        assert answer["Content-Type"].startswith("text/csv")
        prices = {one["model"]: one["price"] for one in api(cast, "get", path).json()["items"]}
        lines = list(csv.DictReader(answer.content.decode().splitlines()))
        assert {line["model"] for line in lines} == set(prices)
        for line in lines:
            figures = prices[line["model"]]
            if above := line["above_tokens"]:
                figures = next(tier for tier in figures["tiers"] if str(tier["above_tokens"]) == above)
            for name in ("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok"):
                assert line[name] == (figures[name] or "")

    def test_the_history_and_the_month_as_csv_have_the_figures_of_the_json(self, cast: Cast, crew: Crew) -> None:
        list_prices("gpt-5.4")
        api(cast, "post", body=TYPED | {"model": "gpt-5.4", "note": "=1+2", "second_usd": "0.001"})
        api(cast, "post", body={"model": "gpt-5.4", "discount_percent": "10"})
        make_call(make_run(cast.owner, crew, state="running", lease_owner="w", lease_epoch=1), model="gpt-5.4")
        _, secret = issue_token(cast.owner)

        def both(path: str) -> tuple[Any, list[dict[str, str]]]:
            headers = {"Authorization": f"Bearer {secret}"}
            text = Client().get(path, headers=headers | {"Accept": "text/csv"}).content.decode()
            return Client().get(path, headers=headers).json(), list(csv.DictReader(text.splitlines()))

        told, lines = both(f"{API}/history?model=gpt-5.4")
        due = [(one, tier) for one in told["items"] for tier in (one["quote"], *one["quote"]["tiers"])]
        assert len(lines) == len(due) == 4  # a discount, an own price, the list's with one tier
        for line, (one, tier) in zip(lines, due, strict=True):
            quote = one["quote"]
            assert (line["state"], line["ended_at"]) == (one["state"], one["ended_at"] or "")
            assert (line["entry"], line["own"]) == (quote["entry"], "yes" if quote["own"] else "no")
            for name in ("discount_percent", "begins_at", "ends_at", "source", "like"):
                assert line[name] == (quote[name] or ""), name
            for name in ("above_tokens", "input_usd_per_mtok", "output_usd_per_mtok", "second_usd"):
                assert line[name] == str(tier.get(name) or ""), name
        assert lines[1]["note"] == "'=1+2"

        told, lines = both(f"{API}/month")
        for line, one in zip(lines, (*told["models"], told["total"]), strict=True):
            assert {name: line[name] for name in one} == {name: str(value) for name, value in one.items()}
        assert [(line["section"], line["model"]) for line in lines] == [("model", "gpt-5.4"), ("total", "")]

    def test_unpriced_calls_of_a_model_without_a_price_are_a_conflict(self, cast: Cast) -> None:
        for model in ("mine", "", "two words"):
            assert api(cast, "post", f"{API}/unpriced", {"model": model}).status_code == 409

    @pytest.mark.parametrize("amount", [0.15, True, "lots", "1e999999999", "0E-999999", "0E+999999", "Infinity"])
    def test_amounts_are_decimal_texts(self, cast: Cast, amount: Any) -> None:
        assert api(cast, "post", body=TYPED | {"input_usd_per_mtok": amount}).status_code == 422
