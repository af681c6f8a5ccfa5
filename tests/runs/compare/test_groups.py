"""Groups of runs on the page of a comparison: versions and filters."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.models import Crew
from runs.compare import sides
from runs.states import RunState
from tests.cast import Cast, make_crew
from tests.ledger import make_run
from tests.pages import html, signed_in
from tests.runs.batches.made import make_batch
from tests.runs.compare.runs_to_compare import COMPARE, a_run
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db


class TestGroups:
    def test_versions_are_compared_by_mean_median_and_interval(self, cast: Cast, crew: Crew) -> None:
        for number in range(8):
            a_run(cast, crew, 1 + number % 3, seconds=10 + number)
        other = make_crew(cast.owner, model="gpt-4o")
        for number in range(8):
            a_run(cast, other, 5 + number % 2, seconds=30 + number)
        versions = f"versions=company-brief@1,{other.slug}@1"
        page = html(signed_in(cast.viewer).get(f"{COMPARE}?{versions}"))
        assert "The medians differ by +$0.0" in page
        assert "(95 % interval)." in page
        assert "8 runs" in page

    def test_batches_are_compared_as_groups(self, cast: Cast, crew: Crew) -> None:
        one, other = (make_batch(cast.runner, crew, rows=3, name=name) for name in ("Leads", "Leads again"))
        for batch, usd in ((one, 1), (other, 2)):
            for row in range(3):
                a_run(cast, crew, usd, simulated=True, batch=batch, batch_row=row + 1)
        client = signed_in(cast.viewer)
        page = html(client.get(f"{COMPARE}?batches={one.pk}&batches={str(other.pk).upper()}&batches=x"))
        assert "Leads again v1" in page
        assert "This is no batch" in page
        offered = html(client.get(f"/t/acme/batches/{other.pk}/"))
        assert f'<option value="{one.pk}">Leads · v1' in offered
        answer = Api(cast).ask("GET", f"/compare?batches={one.pk},{other.pk}").json()
        assert [column["label"] for column in answer["columns"]] == ["Leads v1", "Leads again v1"]
        assert [column["runs"] for column in answer["columns"]] == [3, 3]
        added = client.get(COMPARE, {"batches": str(one.pk), "add": f"http://x/t/acme/batches/{other.pk}/"})
        assert added["Location"] == f"{COMPARE}?batches={one.pk},{other.pk}"
        left = client.get(COMPARE, {"batches": f"{one.pk},{other.pk}"}).context["page"].heads[1].without
        assert left == f"batches={one.pk}"
        stranger = make_batch(cast.stranger, make_crew(cast.stranger))
        assert "no such batch in this team" in html(client.get(f"{COMPARE}?batches={stranger.pk}"))

    def test_few_runs_are_said_to_be_too_few(self, cast: Cast, crew: Crew) -> None:
        a_run(cast, crew)
        a_run(cast, make_crew(cast.owner), 2)
        page = html(signed_in(cast.viewer).get(f"{COMPARE}?versions=company-brief@1,company-brief-2@1"))
        assert "Too few runs to tell" in page

    def test_real_and_simulated_runs_are_never_in_one_group(self, cast: Cast, crew: Crew) -> None:
        a_run(cast, crew, 1)
        a_run(cast, crew, 100, simulated=True)
        a_run(cast, crew, 7, state=RunState.RUNNING)
        client = signed_in(cast.viewer)
        side = client.get(f"{COMPARE}?versions=company-brief@1").context["page"].heads[0].side
        assert (side.runs, side.totals.spent_nusd) == (1, 750_000)
        assert side.notes[0].startswith("1 simulated run is left out")
        assert side.notes[1] == "1 still under way is left out."
        side = client.get(f"{COMPARE}?versions=company-brief@1&simulated=yes").context["page"].heads[0].side
        assert (side.runs, side.totals.spent_nusd) == (1, 75_000_000)

    @pytest.mark.parametrize("runs", [1, 12])
    def test_it_takes_as_many_queries_for_twelve_runs_as_for_one(self, cast: Cast, crew: Crew, runs: int) -> None:
        for _ in range(runs):
            a_run(cast, crew)
        client = signed_in(cast.viewer)
        with CaptureQueriesContext(connection) as asked:
            client.get(f"{COMPARE}?q=crew:brief&q=status:succeeded")
        bounds = ("SAVEPOINT", "RELEASE", "SELECT set_config", "SELECT current_setting")  # of each group's time
        assert len([one for one in asked if not one["sql"].startswith(bounds)]) == 19

    def test_of_a_large_group_the_newest_are_compared(
        self, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runs.compare.reads.queries.MAX_GROUP", 2)
        for calls in (50, 1, 1):
            a_run(cast, crew, calls)
        side = signed_in(cast.viewer).get(f"{COMPARE}?q=status:succeeded").context["page"].heads[0].side
        assert (side.runs, side.totals.spent_nusd) == (2, 1_500_000)
        assert "Of 3 runs the newest 2 are compared." in side.notes


class TestTime:
    def test_a_group_that_takes_too_long_is_told_and_the_rest_is_shown(
        self, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = make_run(cast.runner, crew)
        monkeypatch.setattr(sides, "GROUP_SECONDS", 0.0)
        page = html(signed_in(cast.viewer).get(f"{COMPARE}?runs={run.pk}&q=status:succeeded"))
        assert "Narrow it" in page
        assert str(run.pk) in page

    def test_groups_leave_threads_for_pages(self, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
        make_run(cast.runner, crew)
        monkeypatch.setattr(sides.GROUP_PLACES, "_patience_s", 0.01)
        with sides.GROUP_PLACES.one(), sides.GROUP_PLACES.one():
            page = html(signed_in(cast.viewer).get(f"{COMPARE}?q=status:succeeded"))
        assert "Other groups are being compared" in page
