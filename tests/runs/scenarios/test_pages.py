"""Pages and actions of scenarios: asked by an address, saved, opened again, and refused in clear words."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from agents_app.models import Crew
from runs.ledger import rollups
from runs.models import Call, PriceQuote, Run, Scenario
from runs.named.actions import MAX_OF_PERSON
from runs.named.queries import seen_by
from runs.prices.actions import PriceOrder, set_price
from runs.scenarios.actions import remove_scenario, rename_scenario, save_scenario
from runs.scenarios.answer import PLACES, answer
from runs.scenarios.asked import AgentRule, Asked, ModelRule, of_json, of_query
from runs.scenarios.one_down import RULE
from runs.scenarios.own_texts import measured
from teams.models import ProviderKey
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.ledger import make_call
from tests.pages import HOSTILE, html, signed_in
from tests.runs.scenarios.asking import PAGE, THEN_NUSD, WHAT_IF, api, month_of
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db
CHEAPER = ModelRule("gpt-4o", "gpt-4o-mini")
MINI = {"model": "gpt-4o", "to": "gpt-4o-mini"}


def words(page: str) -> str:
    """What stands on a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


def asked_of(run: Run, **changed: Any) -> Asked:
    return of_json({"month": month_of(run), **changed})


class TestAsked:
    @pytest.mark.parametrize(
        "asked",
        [
            Asked(q="crew:=a status:failed"),
            Asked(crew="brief", simulated=True, hit_percent=0),
            Asked(
                crew="brief",
                agents=(AgentRule("brief", "", "ollama/llama3:8b"), AgentRule("brief", "lead", "gpt-4o")),
                models=(ModelRule("a/b:c", "gpt-4"),),
                prices="list",
                at=timezone.now().date() - timedelta(days=3),
                hit_percent=100,
            ),
        ],
    )
    def test_addresses_and_rows_keep_all_of_it(self, asked: Asked) -> None:
        from django.http import QueryDict

        assert of_query(QueryDict(asked.query)) == asked
        assert of_json(asked.as_json()) == asked

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("month=2026-13", "Write it as 2026-11."),
            ("prices=own", "A filter of runs, a month, or a crew."),
            ("month=2026-11&q=crew:a", "Leave one of them out."),
            ("month=2026-11&prices=gold", "One of own, team, list."),
            ("month=2026-11&prices=list&at=2026-02-30", "Write it as 2026-11-29."),
            ("month=2026-11&prices=list&at=2099-01-01", "Give today or an earlier day."),
            ("month=2026-11&at=2026-01-01", "Choose the team’s prices or the list for it, or no date."),
            ("month=2026-11&hit=101", "A whole number from 0 to 100."),
            ("month=2026-11&hit=-1", "A whole number from 0 to 100."),
            ("month=2026-11&hit=1.5", "A whole number from 0 to 100."),
            ("month=2026-11&model=gpt-4o", "Write who, a blank, and the model: support/writer gpt-4o-mini."),
            ("month=2026-11&model=gpt-4o+a+b", "Give a model’s id without blanks, of at most 200 characters."),
            ("q=cost:x", "not an amount"),
        ],
    )
    def test_what_is_not_understood_is_told_and_stays(self, cast: Cast, query: str, words: str) -> None:
        refused = signed_in(cast.viewer).get(f"{WHAT_IF}?{query}")
        assert refused.status_code == 422
        assert words in html(refused)
        name, _, value = query.rsplit("&", maxsplit=1)[-1].partition("=")
        assert f'name="{name}" value="{value.replace("+", " ")}"' in html(refused)


class TestWhatIf:
    def test_a_month_by_agent_and_by_model(self, cast: Cast, ran: Run) -> None:
        moved = answer(cast.viewer, asked_of(ran, models=[MINI])).total
        assert (moved.calls, moved.compared_nusd, moved.new_nusd) == (3, 2_250_000, 3 * THEN_NUSD)
        agent = {"crew": "company-brief", "agent": "finance", "to": "gpt-4o-mini"}
        found = answer(cast.viewer, asked_of(ran, agents=[agent]))
        assert found.total.new_nusd == 2 * THEN_NUSD + 750_000
        page = html(signed_in(cast.viewer).get(f"{WHAT_IF}?{found.asked.query}"))
        assert "$0.001410 cheaper (−62.7 %): $0.000840 in place of $0.002250." in words(page)
        assert "The same tokens are assumed." in page

    def test_what_the_form_has_typed_becomes_an_address(self, cast: Cast, ran: Run) -> None:
        typed = {"month": month_of(ran), "prices": "own", "agent.1": "company-brief/finance", "to.1": " gpt-4o-mini "}
        typed |= {"agent.2": "company-brief/news", "to.2": "", "model.101": "gpt-4o", "to.101": "gpt-4"}
        sent = signed_in(cast.viewer).get(f"{WHAT_IF}?{urlencode(typed)}")
        assert sent.status_code == 302
        assert "agent=company-brief%2Ffinance+gpt-4o-mini&model=gpt-4o+gpt-4" in sent["Location"]
        assert ".1" not in sent["Location"]
        none = html(signed_in(cast.viewer).get(f"{WHAT_IF}?month={month_of(ran)}&model=gpt-4+gpt-4o"))
        assert "gpt-4 has no calls among these" in none
        shown = html(signed_in(cast.viewer).get(sent["Location"]))
        assert 'value="gpt-4o-mini"' in shown

    @pytest.mark.parametrize("query", ["agent=company-brief/news+acme-7b", "model=gpt-4o+acme-7b&prices=list"])
    def test_a_model_without_a_price_is_said_and_nothing_is_done(self, cast: Cast, ran: Run, query: str) -> None:
        client = signed_in(cast.owner)
        refused = client.get(f"{WHAT_IF}?month={month_of(ran)}&{query}")
        assert refused.status_code == 422
        assert "No price is known for acme-7b, so nothing was reckoned." in html(refused)
        assert "would have cost" not in html(refused)
        saved = client.post(PAGE, {"name": "No", "whose": "mine", "asked": f"month={month_of(ran)}&{query}"})
        assert saved.status_code == 422
        assert "No price is known for acme-7b" in html(saved)
        assert not Scenario.objects.exists()
        assert client.get(f"{WHAT_IF}csv/?month={month_of(ran)}&{query}").status_code == 422

    def test_a_list_before_the_first_one_prices_nothing(self, cast: Cast, ran: Run) -> None:
        page = html(signed_in(cast.viewer).get(f"{WHAT_IF}?month={month_of(ran)}&prices=list&at=2020-01-01"))
        assert "3 calls have no price in this list" in words(page)
        assert "Nothing can be compared" in page

    def test_calls_without_a_price_are_compared_on_neither_side(self, cast: Cast, ran: Run) -> None:
        call = ran.calls.order_by("step")[0]
        Call.objects.filter(pk=call.pk).update(cost_nusd=None, input_usd_per_mtok=None, output_usd_per_mtok=None)
        rollups.rebuild(ran.team_id)
        for asked in (Asked(q=f"id:{ran.pk}", models=(CHEAPER,)), asked_of(ran, models=[MINI])):
            total = answer(cast.viewer, asked).total
            assert (total.unpriced_calls, total.compared_calls, total.compared_nusd) == (1, 2, 1_500_000)
            assert (total.new_nusd, total.compared_calls) == (2 * THEN_NUSD, 2)

    def test_calls_of_unknown_time_have_no_price_by_the_second(self, cast: Cast, ran: Run) -> None:
        set_price(
            cast.owner,
            PriceOrder(
                "own/server", input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(0), second_usd=Decimal("0.01")
            ),
        )
        Call.objects.filter(run=ran, step=0).update(took_ms=1_500)  # the two others never said
        rollups.rebuild(ran.team_id)
        by_second = ModelRule("gpt-4o", "own/server")
        page = html(signed_in(cast.viewer).get(f"{WHAT_IF}?{Asked(q=f'id:{ran.pk}', models=(by_second,)).query}"))
        assert "The same seconds are assumed" in page
        assert "How long 2 calls took is not known" in page
        assert "have no price in this list" not in page
        for asked in ({"q": f"id:{ran.pk}"}, {"month": month_of(ran)}):
            found = api(cast.viewer, "post", "/answer", asked | {"models": [{"model": "gpt-4o", "to": "own/server"}]})
            total = found.json()["total"]
            assert (total["compared_calls"], total["untimed_calls"], total["then_usd"]) == (1, 2, "0.015")
        query = Asked(month=ran.created_at.date().replace(day=1), models=(by_second,)).query
        lines = list(csv.DictReader(StringIO(signed_in(cast.viewer).get(f"{WHAT_IF}csv/?{query}").content.decode())))
        assert (lines[-1]["untimed_calls"], lines[-1]["compared_calls"], lines[-1]["then_usd"]) == ("2", "1", "0.015")

    def test_what_the_list_has_no_price_of_is_said_beside_other_gaps(self, cast: Cast, ran: Run) -> None:
        """Two calls without a price before, which lack their time for the one of now, hid a third that has none now."""
        unpriced = {"cost_nusd": None, "input_usd_per_mtok": None, "output_usd_per_mtok": None}
        Call.objects.filter(run=ran, step__lt=2).update(model="own/server", **unpriced)
        Call.objects.filter(run=ran, step=2).update(model="own/unlisted")
        PriceQuote.objects.create(
            model="own/server", input_usd_per_mtok=0, output_usd_per_mtok=0, second_usd=Decimal("0.01"), source="a test"
        )
        page = words(html(signed_in(cast.viewer).get(f"{WHAT_IF}?q=id:{ran.pk}&prices=list")))
        assert "2 calls had no known price, and are compared on neither side." in page
        assert "1 more call has no price in this list, and is compared on neither side." in page
        Call.objects.filter(run=ran, step=0).update(reply={"latency_ms": 1_500})
        rules = tuple(ModelRule(model, "own/server") for model in ("own/unlisted",))
        assert answer(cast.viewer, Asked(q=f"id:{ran.pk}", models=rules, prices="list")).total.untimed_calls == 2

    def test_what_the_other_model_cannot_do_stands_beside_it(self, cast: Cast, ran: Run) -> None:
        Call.objects.filter(run=ran, step=0).update(prompt_tokens=8_193, params={"response_schema": {}})
        rollups.rebuild(ran.team_id)
        agent = {"crew": "company-brief", "agent": "finance", "to": "gpt-4"}
        for which in ({"month": month_of(ran)}, {"q": f"id:{ran.pk}"}):
            limits = [
                limit
                for line in answer(cast.viewer, of_json({**which, "agents": [agent]})).lines
                for limit in line.limits
            ]
            assert limits == [
                "1 of 2 calls does not fit its window of 8,192 tokens.",
                "It takes no schema of its answer, which 1 call gave: words ask for it.",
            ]

    def test_tokenizers_are_measured_on_the_runs_own_prompts(self, cast: Cast, ran: Run) -> None:
        found = measured(cast.viewer, answer(cast.viewer, asked_of(ran, models=[{"model": "gpt-4o", "to": "gpt-4"}])))
        assert [(pair.model, pair.to, pair.prompts) for pair in found] == [("gpt-4o", "gpt-4", 3)]
        assert found[0].percent > 5
        part = html(signed_in(cast.viewer).get(f"{WHAT_IF}tokenizers/?month={month_of(ran)}&model=gpt-4o+gpt-4"))
        assert "Measured on 3 of your own prompts: gpt-4 counts" in part
        part = html(signed_in(cast.viewer).get(f"{WHAT_IF}tokenizers/?month={month_of(ran)}&model=gpt-4o+gpt-4o-mini"))
        assert "gpt-4o and gpt-4o-mini count tokens alike." in part
        other = f"{WHAT_IF}tokenizers/?q=id:{ran.pk}&model=gpt-4o+mistral/mistral-small"
        assert "How mistral/mistral-small counts tokens is not known here" in html(signed_in(cast.viewer).get(other))
        models = [{"model": "gpt-4o", "to": to} for to in ("gpt-4", "gpt-4o-mini", "mistral/mistral-small")]
        for rule, expected in zip(models, ((3, False, []), (0, True, []), (0, False, [models[2]["to"]])), strict=True):
            asked = {"month": month_of(ran), "models": [rule]}
            (item,) = Api(cast).ask("POST", "/scenarios/tokenizers", asked).json()["items"]
            assert (item["model"], item["model_then"]) == (rule["model"], rule["to"])
            assert (item["prompts"], item["same"], item["unknown"]) == expected
            assert item["percent"] == {"gpt-4": found[0].percent, "gpt-4o-mini": 0}.get(rule["to"])

    def test_another_teams_runs_and_crews_are_not_seen(self, cast: Cast, ran: Run) -> None:
        client = signed_in(cast.stranger)
        assert client.get(f"{WHAT_IF}?month={month_of(ran)}").status_code == 404
        assert client.get(f"/t/others/scenarios/what-if/?crew={ran.crew.slug}").status_code == 404
        page = client.get(f"/t/others/scenarios/what-if/?q=id:{ran.pk}")
        assert "No call of a model is among these" in html(page)

    def test_hostile_names_are_text(self, cast: Cast, ran: Run) -> None:
        Crew.objects.filter(pk=ran.crew_id).update(name=HOSTILE[:200])
        Call.objects.filter(run=ran).update(agent=HOSTILE[:60], model="<b>x</b>")
        rollups.rebuild(ran.team_id)
        page = html(signed_in(cast.viewer).get(f"{WHAT_IF}?month={month_of(ran)}"))
        assert "<script>alert(1)" not in page
        assert "<b>x</b>" not in page

    def test_pages_lead_here(self, cast: Cast, ran: Run) -> None:
        client = signed_in(cast.viewer)
        assert f"{WHAT_IF}?q=id:{ran.pk}" in html(client.get(f"/t/acme/runs/{ran.pk}/"))
        assert f"{WHAT_IF}?q=status%3Asucceeded" in html(client.get("/t/acme/runs/?q=status:succeeded"))
        assert f"{WHAT_IF}?crew=company-brief" in html(
            client.get("/t/acme/crews/company-brief/figures/", headers={"HX-Request": "true"})
        )
        assert f"{WHAT_IF}?q=id:{ran.pk}" in html(client.get(f"/t/acme/compare/?runs={ran.pk}"))


class TestTiers:
    def test_each_agent_one_tier_down(self, cast: Cast, ran: Run) -> None:
        ProviderKey.objects.create(team=cast.team, provider="openai", name="default", secret=b"x")
        page = html(signed_in(cast.viewer).get(f"{WHAT_IF}?month={month_of(ran)}"))
        tiers = page.split('id="tiers"')[1]
        assert tiers.count("→ <strong>gpt-4.1-mini</strong>") == 2
        assert "66.7 %" in tiers
        assert "agent=company-brief%2Ffinance+gpt-4.1-mini" in tiers
        assert RULE[:60] in tiers
        assert "The same tokens are assumed. " not in words(page.split('id="tiers"')[0])
        PriceQuote.objects.filter(model="gpt-4.1-mini").delete()
        older = html(signed_in(cast.viewer).get(f"{WHAT_IF}?month={month_of(ran)}"))
        assert "gpt-4.1-mini has no price in force." in older

    def test_without_a_key_there_is_none(self, cast: Cast, ran: Run) -> None:
        page = words(html(signed_in(cast.viewer).get(f"{WHAT_IF}?month={month_of(ran)}")))
        assert "The team has no key of OpenAI that could ask a lower one." in page


class TestSaved:
    def test_the_figures_of_then_stay_beside_those_of_now(self, cast: Cast, ran: Run) -> None:
        client = signed_in(cast.editor)
        asked = asked_of(ran, models=[MINI])
        saved = client.post(PAGE, {"name": "Smaller", "whose": "team", "asked": asked.query})
        scenario = Scenario.objects.get()
        assert saved["Location"] == f"{PAGE}{scenario.pk}/"
        make_call(ran, step=9)
        rollups.rebuild(ran.team_id)
        page = html(signed_in(cast.viewer).get(saved["Location"]))
        assert scenario.changed_nusd == 3 * THEN_NUSD
        assert "$0.000135" in page
        assert "$0.000180" in page
        assert "Smaller" in html(signed_in(cast.viewer).get(PAGE))

    def test_everybody_keeps_their_own_and_editors_the_teams(self, cast: Cast, ran: Run) -> None:
        asked = asked_of(ran, prices="team")
        mine = save_scenario(cast.viewer, "Mine", asked, for_team=False)
        ours = save_scenario(cast.editor, "Ours", asked, for_team=True)
        for who in (cast.owner, cast.editor):
            assert list(seen_by(who, Scenario)) == [ours]
            assert signed_in(who).get(f"{PAGE}{mine.pk}/").status_code == 404
        with pytest.raises(PermissionDenied):
            save_scenario(cast.runner, "Ours too", asked, for_team=True)
        with pytest.raises(PermissionDenied):
            rename_scenario(cast.viewer, ours, "Theirs")
        with pytest.raises(PermissionDenied):
            remove_scenario(cast.viewer, ours)
        assert rename_scenario(cast.owner, ours, "  Still   ours ").name == "Still ours"
        remove_scenario(cast.viewer, mine)
        remove_scenario(cast.editor, ours)
        assert not Scenario.objects.exists()

    def test_a_taken_name_offers_to_replace(self, cast: Cast, ran: Run) -> None:
        client, form = signed_in(cast.editor), {"name": "One", "whose": "mine"}
        client.post(PAGE, form | {"asked": asked_of(ran, prices="team").query})
        again = form | {"name": "ONE", "asked": asked_of(ran, cache_hit_percent=10).query}
        refused = client.post(PAGE, again)
        assert refused.status_code == 409
        assert "You have a scenario “One” already." in html(refused)
        assert 'value="ONE"' in html(refused)
        assert client.post(PAGE, again | {"replace": "1"}).status_code == 302
        assert Scenario.objects.get().asked["cache_hit_percent"] == 10

    def test_what_cannot_be_saved(self, cast: Cast, ran: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(Invalid, match="Nothing is changed yet"):
            save_scenario(cast.owner, "No", asked_of(ran), for_team=False)
        with pytest.raises(Invalid, match="Nothing was saved"):
            save_scenario(cast.owner, " ", asked_of(ran, prices="team"), for_team=False)
        save_scenario(cast.owner, "One", asked_of(ran, prices="team"), for_team=False)
        with pytest.raises(Conflict):
            save_scenario(cast.owner, "one", asked_of(ran, prices="team"), for_team=False)
        monkeypatch.setattr("runs.named.actions.MAX_OF_PERSON", 1)
        with pytest.raises(Invalid, match="You have 1 scenarios"):
            save_scenario(cast.owner, "Two", asked_of(ran, prices="team"), for_team=False)
        assert MAX_OF_PERSON == 50

    def test_rename_and_remove_on_the_page(self, cast: Cast, ran: Run) -> None:
        client = signed_in(cast.viewer)
        one = save_scenario(cast.viewer, "One", asked_of(ran, prices="team"), for_team=False)
        save_scenario(cast.viewer, "Two", asked_of(ran, prices="team"), for_team=False)
        refused = client.post(f"{PAGE}{one.pk}/rename/", {"name": "two"})
        assert refused.status_code == 422
        assert "Choose another name." in html(refused)
        client.post(f"{PAGE}{one.pk}/rename/", {"name": "Three"})
        client.post(f"{PAGE}{one.pk}/remove/")
        assert list(seen_by(cast.viewer, Scenario).values_list("name", flat=True)) == ["Two"]

    def test_while_others_are_reckoned_it_says_so_and_keeps_its_figures(
        self, cast: Cast, ran: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        saved = save_scenario(cast.owner, "Mini", Asked(q=f"id:{ran.pk}", models=(CHEAPER,)), for_team=True)
        monkeypatch.setattr(PLACES, "_patience_s", 0.01)
        client = signed_in(cast.viewer)
        with PLACES.one(), PLACES.one():
            response = client.get(f"{PAGE}{saved.pk}/")
            others = [client.get(f"{page}?q=id:{ran.pk}") for page in (WHAT_IF, f"{WHAT_IF}csv/")]
        assert {(one.status_code, one["Retry-After"]) for one in (response, *others)} == {(429, "10")}
        assert "Other runs are being re-priced. Try again in a moment." in html(response)

    def test_one_whose_price_is_gone_says_so_and_keeps_its_figures(self, cast: Cast, ran: Run) -> None:
        saved = save_scenario(cast.owner, "One", asked_of(ran, models=[MINI]), for_team=False)
        Scenario.objects.filter(pk=saved.pk).update(
            asked=saved.asked | {"models": [{"model": "gpt-4o", "to": "acme-7b"}]}
        )
        page = signed_in(cast.owner).get(f"{PAGE}{saved.pk}/")
        assert page.status_code == 200
        assert "The figures of now cannot be reckoned. No price is known for acme-7b" in html(page)
        assert "$0.000135" in html(page)
