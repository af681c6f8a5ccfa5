"""The page and the API of limits: what each role sees, what is saved, and that what is refused is kept as typed."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.limits.actions import TeamLimits, limits_of, set_limits
from runs.models import Allowance, Bill
from runs.months import this_month
from runs.notices import alerts
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Scope, Team
from tests.cast import Cast
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/limits/"
API = "/api/v1/limits"
WHOLE = {
    "budget_usd": "12.50",
    "run_budget_usd": "2",
    "run_max_calls": 500,
    "run_max_seconds": None,
    "runs_at_once": 50,
    "user_budget_usd": None,
    "at_limit": "stop",
    "fallback_model": "",
    "launch_quota": 20,
    "launch_window_s": 600,
    "members": {},
}
CAPS = {"run_budget_usd": "5", "run_max_calls": "500", "run_max_seconds": "3600"}


def limits(cast: Cast) -> TeamLimits:
    return limits_of(Team.objects.get(pk=cast.team.pk))


def typed(**fields: Any) -> dict[str, Any]:
    usual = {"budget_usd": "12.50", "run_budget_usd": "", "user_budget_usd": "", "at_limit": "pause"}
    usual |= {"run_max_calls": "", "run_max_seconds": "", "runs_at_once": ""}
    return usual | {"fallback_model": "", "launch_quota": "", "launch_window_s": "3600"} | fields


def spend(who: Principal, usd: str, *, held: str = "0", budget: str | None = None) -> None:
    def nusd(amount: str) -> int:
        return int(Decimal(amount) * 10**9)

    sums = {"spent_nusd": nusd(usd), "reserved_nusd": nusd(held), "month": this_month()}
    Allowance.objects.create(team=who.team, user=who.user, **sums)
    Bill.objects.create(team=who.team, budget_nusd=budget and nusd(budget), **sums)


class TestPage:
    def test_an_owner_saves_them(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        own = {f"members.{cast.runner.user.pk}": "$1,000"}
        answer = client.post(PAGE, typed(launch_quota="5", launch_window_s="60", run_budget_usd=" 0.5 ", **own))
        assert (answer.status_code, answer["Location"]) == (302, PAGE)
        assert "The limits are saved" in client.get(PAGE).content.decode()
        assert limits(cast) == TeamLimits(
            budget_usd=Decimal("12.5"),
            run_budget_usd=Decimal("0.5"),
            launch_quota=5,
            launch_window_s=60,
            members={cast.runner.user.pk: Decimal(1000)},
        )

    def test_an_owner_caps_each_run_and_lifts_the_caps_and_everybody_sees_them(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        client.post(PAGE, typed(budget_usd="", run_budget_usd="5", run_max_calls="500", run_max_seconds="3600"))
        assert limits(cast) == TeamLimits(run_budget_usd=Decimal(5), run_max_calls=500, run_max_seconds=3600)
        page = client.get(PAGE).content.decode()
        assert all(f'name="{name}" value="{value}"' in page for name, value in CAPS.items())
        assert "at most $5, 500 model requests and 1 hour" in signed_in(cast.viewer).get(PAGE).content.decode()
        client.post(PAGE, typed(budget_usd=""))
        assert limits(cast) == TeamLimits()

    def test_what_is_set_is_shown_as_it_would_be_typed(self, cast: Cast) -> None:
        set_limits(cast.owner, TeamLimits(budget_usd=Decimal("12.5"), user_budget_usd=Decimal(3), launch_window_s=90))
        html = signed_in(cast.owner).get(PAGE).content.decode()
        assert 'name="budget_usd" value="12.50"' in html
        assert 'name="user_budget_usd" value="3"' in html
        assert re.search(r'<option value="90" selected>90 seconds', html)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("budget_usd", "12,50"),
            ("budget_usd", "lots"),
            ("budget_usd", "-1"),
            ("budget_usd", "1e3"),
            ("run_budget_usd", "0.1234567891"),
            ("user_budget_usd", "2000000"),
            ("run_max_calls", "0"),
            ("run_max_calls", "1.5"),
            ("run_max_seconds", "3000000000"),
            ("run_max_seconds", "an hour"),
            ("runs_at_once", "0"),
            ("runs_at_once", "10001"),
            ("launch_quota", "0"),
            ("launch_quota", "many"),
            ("at_limit", "explode"),
            ("launch_window_s", "7"),
        ],
    )
    def test_what_cannot_be_is_told_at_its_field_and_kept_as_it_was_typed(
        self, cast: Cast, field: str, value: str
    ) -> None:
        answer = signed_in(cast.owner).post(PAGE, typed(**{"user_budget_usd": "7.77", field: value}))
        assert answer.status_code == 422
        form = answer.context["form"]
        assert list(form.errors) == [field]
        assert form[field].value() == value
        if field != "user_budget_usd":
            assert 'value="7.77"' in answer.content.decode()
        assert limits(cast) == TeamLimits()

    def test_a_members_budget_that_cannot_be_is_told_in_their_row(self, cast: Cast) -> None:
        name = f"members.{cast.runner.user.pk}"
        answer = signed_in(cast.owner).post(PAGE, typed(**{name: "a lot"}))
        assert list(answer.context["form"].errors) == [name]
        assert 'value="a lot"' in answer.content.decode()

    def test_less_than_is_spent_is_told_at_its_field(self, cast: Cast) -> None:
        spend(cast.runner, "3.25", held="0.75")
        answer = signed_in(cast.owner).post(PAGE, typed(budget_usd="3.99"))
        assert "$4 are spent or held" in str(answer.context["form"].errors["budget_usd"])

    def test_what_somebody_else_saved_meanwhile_is_told_and_may_be_overwritten(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        seen = client.get(PAGE).context["form"]["seen"].value()
        set_limits(cast.owner, TeamLimits(launch_quota=3))
        answer = client.post(PAGE, typed(seen=seen))
        assert answer.status_code == 409
        assert "Somebody else has changed the limits" in answer.content.decode()
        assert limits(cast) == TeamLimits(launch_quota=3)
        again = re.search(r'name="seen" value="([^"]+)"', answer.content.decode())
        assert again is not None
        assert client.post(PAGE, typed(seen=again[1])).status_code == 302
        assert limits(cast) == TeamLimits(budget_usd=Decimal("12.5"))

    def test_an_owner_sees_everybody_s_spending(self, cast: Cast) -> None:
        spend(cast.runner, "3.25", held="0.75", budget="10")
        answer = signed_in(cast.owner).get(PAGE)
        found = answer.context["found"]
        assert (found.team.spent_nusd, found.team.reserved_nusd, found.team.left_nusd) == (
            3_250_000_000,
            750_000_000,
            6_000_000_000,
        )
        assert {one.user.email: one.standing.spent_nusd for one in found.members} == {
            "owner@example.com": 0,
            "editor@example.com": 0,
            "runner@example.com": 3_250_000_000,
            "viewer@example.com": 0,
        }

    @pytest.mark.parametrize("name", ["editor", "runner", "viewer"])
    def test_others_see_the_team_and_themselves_and_change_nothing(self, cast: Cast, name: str) -> None:
        spend(cast.owner, "3.25")
        who = getattr(cast, name)
        client = signed_in(who)
        answer = client.get(PAGE)
        assert [one.user for one in answer.context["found"].members] == [who.user]
        assert "owner@example.com" not in answer.content.decode()
        assert "Save the limits" not in answer.content.decode()
        assert client.post(PAGE, typed()).status_code == 403
        assert limits(cast) == TeamLimits()

    def test_strangers_find_nothing(self, cast: Cast) -> None:
        client = signed_in(cast.stranger)
        assert (client.get(PAGE).status_code, client.post(PAGE, typed()).status_code) == (404, 404)


class TestApi:
    def api(self, who: Principal, scope: str = Scope.ADMIN) -> Client:
        return Client(headers={"Authorization": f"Bearer {issue_token(who, scope=scope)[1]}"})

    def put(self, client: Client, body: Any) -> Any:
        return client.put(API, json.dumps(body), content_type="application/json")

    def test_what_is_put_is_what_is_got(self, cast: Cast) -> None:
        client = self.api(cast.owner)
        own = {str(cast.runner.user.pk): "0.25"}
        put = self.put(client, WHOLE | {"members": own})
        assert put.status_code == 200
        got = client.get(API).json()
        assert got == put.json()
        assert {name: got[name] for name in WHOLE if name not in ("members", "budget_usd")} == {
            name: value for name, value in WHOLE.items() if name not in ("members", "budget_usd")
        }
        assert (got["budget_usd"], got["launches"]) == ("12.5", 0)
        spent = {"spent_usd": "0", "held_usd": "0", "unpriced_calls": 0}
        assert got["team"] == {"budget_usd": "12.5", "left_usd": "12.5"} | spent
        budgets_of = {one["email"]: (one["budget_usd"], one["own_budget_usd"]) for one in got["members"]}
        assert budgets_of["runner@example.com"] == ("0.25", "0.25")
        assert budgets_of["viewer@example.com"] == (None, None)

    def test_a_launch_gets_the_caps_and_no_more(self, cast: Cast, crew: Crew) -> None:
        caps = {"run_budget_usd": "5", "run_max_calls": 500, "run_max_seconds": 3600}
        assert self.put(self.api(cast.owner), WHOLE | caps).status_code == 200
        client, launches = self.api(cast.runner, Scope.RUN), f"/api/v1/crews/{crew.slug}/runs"
        for field, more in (("max_calls", 501), ("max_seconds", 3601), ("budget_usd", "5.01")):
            body = {"inputs": {"company": "Acme"}, field: more}
            refused = client.post(launches, body, content_type="application/json")
            assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field])
        body = {"inputs": {"company": "Acme"}, "max_seconds": 60}
        launched = client.post(launches, body, content_type="application/json")
        run = client.get(f"/api/v1/runs/{launched.json()['id']}").json()
        assert (run["budget_usd"], run["max_calls"], run["max_seconds"]) == ("5", 500, 60)

    def test_alerts_are_listed(self, cast: Cast) -> None:
        spend(cast.runner, "8", budget="10")
        alerts.find_crossed()
        (alert,) = self.api(cast.viewer, Scope.READ).get(API).json()["alerts"]
        assert (alert["budget"], alert["threshold"], alert["member"]) == ("team", 80, None)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"budget_usd": 12.5}, "budget_usd"),
            ({"budget_usd": "NaN"}, "budget_usd"),
            ({"budget_usd": "a lot"}, "budget_usd"),
            ({"budget_usd": "-1"}, "budget_usd"),
            ({"launch_quota": 0}, "launch_quota"),
            ({"run_max_calls": 0}, "run_max_calls"),
            ({"run_max_calls": "5"}, "run_max_calls"),
            ({"run_max_seconds": 1.5}, "run_max_seconds"),
            ({"run_max_seconds": 10**30}, "run_max_seconds"),
            ({"runs_at_once": 0}, "runs_at_once"),
            ({"runs_at_once": 10_001}, "runs_at_once"),
            ({"at_limit": "explode"}, "at_limit"),
            ({"bugdet_usd": "1"}, "bugdet_usd"),
            ({"members": {"0": "1"}}, "members.0"),
        ],
    )
    def test_what_cannot_be_is_422_with_its_field(self, cast: Cast, change: dict[str, Any], field: str) -> None:
        answer = self.put(self.api(cast.owner), WHOLE | change)
        assert answer.status_code == 422
        assert list(answer.json()["error"]["fields"]) == [field]
        assert limits(cast) == TeamLimits()

    @pytest.mark.parametrize("left_out", list(WHOLE))
    def test_a_limit_is_not_lifted_by_leaving_it_out(self, cast: Cast, left_out: str) -> None:
        answer = self.put(self.api(cast.owner), {name: value for name, value in WHOLE.items() if name != left_out})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, [left_out])

    @pytest.mark.parametrize("name", ["editor", "runner", "viewer"])
    def test_only_an_owner_puts(self, cast: Cast, name: str) -> None:
        client = self.api(getattr(cast, name), Scope.READ)
        assert self.put(client, WHOLE).status_code == 403
        assert len(client.get(API).json()["members"]) == 1

    def test_an_owners_token_for_less_does_not_put(self, cast: Cast) -> None:
        assert self.put(self.api(cast.owner, Scope.EDIT), WHOLE).status_code == 403
