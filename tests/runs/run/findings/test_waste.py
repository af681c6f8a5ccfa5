"""What was paid in vain: by reason, with the calls behind it, and the same sum as on the first page."""

from __future__ import annotations

import pytest

from agents_app.models import Crew
from runs.run import page
from runs.run.findings.waste import Waste
from runs.states import CostClass, RunState, RunWaste, waste_of
from tests.cast import Cast
from tests.ledger import make_call, make_run
from tests.pages import html, page_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED])
def test_the_reasons_sum_to_the_runs_waste_and_lead_to_the_calls(cast: Cast, crew: Crew, state: RunState) -> None:
    run = make_run(cast.owner, crew, state=state)
    for step, cost_class in enumerate(CostClass):
        make_call(run, step=step, cost_class=cost_class, cost_nusd=10**step, model=f"model-{cost_class}")
    unpriced = {"cost_class": "failed", "cost_nusd": None, "model": "model-failed"}
    make_call(run, step=20, **unpriced)
    waste: Waste = page.context(run, cast.owner)["waste"]
    calls = list(run.calls.all())
    assert waste.spent_nusd == sum(call.cost_nusd or 0 for call in calls if waste_of(call.cost_class, state))
    assert waste.unpriced_calls == 1
    client = signed_in(cast.viewer)
    for row in waste.rows:
        shown = html(client.get(f"{page_of(run)}calls/?waste={row.reason}"))
        of_reason = [call for call in calls if waste_of(call.cost_class, state) == row.reason]
        assert row.calls == len(of_reason)
        assert row.spent_nusd == sum(call.cost_nusd or 0 for call in of_reason)
        for call in calls:
            assert (f"/calls/{call.pk}/" in shown) == (call in of_reason)
    assert {row.reason for row in waste.rows} >= {"failed", "retry", "rejected", "cancelled", "duplicate"}
    assert any(row.reason in RunWaste.values for row in waste.rows) == (state != RunState.SUCCEEDED)


def test_a_run_without_waste_says_nothing_of_it(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    make_call(run)
    assert "Paid in vain" not in html(signed_in(cast.viewer).get(page_of(run)))


def test_calls_for_no_known_reason_are_all_calls(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    call = make_call(run)
    assert str(call.pk) in html(signed_in(cast.viewer).get(f"{page_of(run)}calls/?waste=whatever"))


def test_it_is_said_who_refused_an_answer(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    make_call(run, cost_class="rejected", refused_by="person")
    assert "rejected by a person" in html(signed_in(cast.viewer).get(page_of(run)))
