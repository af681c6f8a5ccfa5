"""The page and the API of prices: what each role sees, what is asked again, and that what was typed stays."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.ledger.prices import TeamPrices
from runs.models import PriceQuote
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast
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

    @pytest.mark.parametrize("amount", [0.15, True, "lots", "1e999999999"])
    def test_amounts_are_decimal_texts(self, cast: Cast, amount: Any) -> None:
        assert api(cast, "post", body=TYPED | {"input_usd_per_mtok": amount}).status_code == 422
