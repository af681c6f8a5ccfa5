"""A crew's pinned baseline: who may pin, what runs say of it, and that real and simulated ones do not mix."""

from __future__ import annotations

import pytest

from agents_app.models import Crew
from runs.models import PinnedRun
from runs.run.baseline import standing_to_baseline
from runs.states import RunState
from teams.models import Scope
from tests.cast import Cast, make_crew
from tests.ledger import make_run
from tests.pages import html, page_of, signed_in
from tests.runs.run.test_api import Api

pytestmark = pytest.mark.django_db


def test_a_runner_pins_and_other_runs_say_how_they_stand(cast: Cast, crew: Crew) -> None:
    baseline, run = (make_run(cast.owner, crew, usd=usd, seconds=seconds) for usd, seconds in ((0.05, 10), (0.019, 6)))
    client = signed_in(cast.runner)
    assert "baseline (v1)" not in html(client.get(page_of(run)))
    assert client.post(f"{page_of(baseline)}baseline/").status_code == 302
    page = " ".join(html(client.get(page_of(run))).split())
    assert "$0.0310</span> cheaper</span> than the" in page
    assert "4.0 s faster</span> than the" in page
    assert f"/t/acme/compare/?runs={baseline.pk},{run.pk}" in page
    assert "the crew's baseline" in html(client.get(page_of(baseline))).replace("&#x27;", "'")


def test_viewers_may_not_pin_and_a_live_run_cannot_be_pinned(cast: Cast, crew: Crew) -> None:
    run, live = make_run(cast.owner, crew), make_run(cast.owner, crew, state=RunState.RUNNING)
    assert signed_in(cast.viewer).post(f"{page_of(run)}baseline/").status_code == 403
    assert signed_in(cast.stranger).post(f"{page_of(run)}baseline/").status_code == 404
    signed_in(cast.runner).post(f"{page_of(live)}baseline/")
    assert not PinnedRun.objects.exists()


def test_a_new_baseline_takes_the_place_of_the_old_one_of_its_kind_alone(cast: Cast, crew: Crew) -> None:
    old, new, simulated = (make_run(cast.owner, crew, simulated=kind) for kind in (False, False, True))
    api = Api(cast.runner, Scope.RUN)
    for run in (old, simulated, new):
        assert api.put(f"/runs/{run.pk}/baseline", None).status_code == 200
    assert set(PinnedRun.objects.values_list("run", flat=True)) == {new.pk, simulated.pk}
    assert api.delete(f"/runs/{old.pk}/baseline").status_code == 200
    assert api.delete(f"/runs/{new.pk}/baseline").status_code == 200
    assert list(PinnedRun.objects.values_list("run", flat=True)) == [simulated.pk]


def test_a_run_of_another_kind_or_crew_or_without_a_price_is_not_held_against_it(cast: Cast, crew: Crew) -> None:
    baseline = make_run(cast.owner, crew, usd=0.05)
    PinnedRun.objects.create(crew=crew, simulated=False, run=baseline)
    assert standing_to_baseline(make_run(cast.owner, crew, simulated=True)) is None
    assert standing_to_baseline(make_run(cast.owner, make_crew(cast.owner))) is None
    unpriced = standing_to_baseline(make_run(cast.owner, crew, usd=0.01, unpriced_calls=1, seconds=20))
    assert unpriced is not None
    assert (unpriced.cost_nusd, unpriced.time_ms) == (None, -10_000)
    live = standing_to_baseline(make_run(cast.owner, crew, state=RunState.RUNNING))
    assert live is not None
    assert (live.cost_nusd, live.time_ms) == (None, None)
