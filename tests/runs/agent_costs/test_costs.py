"""What agents of the library cost: of their calls in the crews that use them, real and simulated apart."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from agents_app.library.in_crews.actions import keep_from_crew, link
from agents_app.models import Crew
from runs.agent_costs.costs import costs_of
from runs.states import RunState
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db


def test_an_agent_costs_what_its_calls_cost_in_the_crews_that_use_it(cast: Cast, crew: Crew) -> None:
    kept = keep_from_crew(cast.editor, crew, "news", name="Hound")
    unused = keep_from_crew(cast.editor, crew, "lead", name="Lead")
    other = make_crew(cast.owner)
    linked = link(cast.editor, other, "news", kept).link
    run, simulated = (make_run(cast.owner, crew, state=RunState.RUNNING, simulated=each) for each in (False, True))
    for step, agent in enumerate(("news", "news", "finance")):
        make_call(run, step=step, agent=agent)
    make_call(simulated, agent="news", simulated=True)
    make_call(make_run(cast.owner, other, state=RunState.RUNNING), agent="news")
    costs = costs_of(cast.viewer, agents=[kept.pk, unused.pk], links=[linked.pk])
    cost = costs.agents[kept.pk]
    assert (cost.real.spent_nusd, cost.real.calls, cost.simulated.calls) == (3 * 750_000, 3, 1)
    assert {pk: cost.real.calls for pk, cost in costs.links.items()} == {linked.pk: 1}
    assert costs.agents[unused.pk].real.calls == 0
    assert costs_of(cast.stranger, agents=[kept.pk]).agents == {}
    asked = {"agent": [kept.pk, "x", unused.pk], "link": [linked.pk]}
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.viewer, scope=Scope.READ)[1]}"})
    said = api.get(f"/api/v1/agents/{kept.pk}/costs").json()
    assert (said["days"], said["real"]["calls"], said["simulated"]["calls"]) == (30, 3, 1)
    assert said["real"]["cost_usd"] == "0.00225"
    by_crew = [(one["crew"], one["key"], one["real"]["calls"], one["simulated"]["calls"]) for one in said["crews"]]
    assert by_crew == [(crew.slug, "news", 2, 1), (other.slug, "news", 1, 0)]
    assert [one["real"]["cost_usd"] for one in said["crews"]] == ["0.0015", "0.00075"]
    assert api.get(f"/api/v1/agents/{unused.pk}/costs").json()["real"]["calls"] == 0
    assert api.get("/api/v1/agents/987654321/costs").status_code == 404
    part = html(signed_in(cast.viewer).get("/t/acme/agents/costs/", asked))
    places = {f"cost-of-{kept.pk}", f"cost-of-{unused.pk}", f"cost-of-link-{linked.pk}"}
    assert set(re.findall(r'id="([\w-]+)"', part)) == places, "a place that the page does not have is an error there"
    assert re.search(rf'id="cost-of-{unused.pk}" hx-swap-oob="true">\s*<span class="quiet">no calls', part)
    assert "0.00225" in part
    assert "simulated" in part
