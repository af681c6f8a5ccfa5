"""The page of a comparison: what it shows to whom, and what it says of what it cannot show."""

from __future__ import annotations

from typing import Any

import pytest

from agents_app.models import Crew
from runs.models import Run
from tests.cast import Cast
from tests.ledger import make_call, make_run, make_task
from tests.pages import HOSTILE, html, page_of, signed_in

pytestmark = pytest.mark.django_db
COMPARE = "/t/acme/compare/"


def a_run(cast: Cast, crew: Crew, calls: int = 1, *, seconds: float = 10.0, call: Any = None, **fields: Any) -> Run:
    """A run whose sums are those of its calls, all of one task."""
    run = make_run(
        cast.owner,
        crew,
        usd=0.00075 * calls,
        seconds=seconds,
        prompt_tokens=100 * calls,
        completion_tokens=50 * calls,
        successful_requests=calls,
        **fields,
    )
    if run.started_at is None:
        return run
    task = make_task(run, "figures", started_at=run.started_at, finished_at=run.finished_at, agent="finance")
    for step in range(calls):
        make_call(run, task=task, step=step, simulated=run.simulated, **(call or {}))
    return run


def of_runs(*runs: Run) -> str:
    return f"{COMPARE}?runs={','.join(str(run.pk) for run in runs)}"


class TestTwoRuns:
    def test_the_answer_is_on_top_with_its_reasons(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew, 1), a_run(cast, crew, 3, seconds=12)
        page = html(signed_in(cast.viewer).get(of_runs(*runs)))
        told = ("$0.001500 dearer (+200 %)", "Figures asked more often +$0.001500", "2.0 s slower from launch to end")
        for text in told:
            assert text in page, text

    def test_each_side_links_to_its_run_and_each_part_to_its_task(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew), a_run(cast, crew, 2)
        page = html(signed_in(cast.viewer).get(of_runs(*runs)))
        for run in runs:
            assert f'href="{page_of(run)}"' in page
        assert f'href="{page_of(runs[1])}tasks/figures/"' in page

    def test_equal_runs_are_said_to_be_equal(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.viewer).get(of_runs(a_run(cast, crew), a_run(cast, crew))))
        assert "Costs the same, $0.000750" in page

    def test_a_baseline_can_be_chosen(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew, 1), a_run(cast, crew, 3)
        page = html(signed_in(cast.viewer).get(f"{of_runs(*runs)}&baseline={runs[1].pk}"))
        assert "$0.001500 cheaper" in page

    @pytest.mark.parametrize("calls", [1, 30])
    def test_it_takes_as_many_queries_for_thirty_calls_as_for_one(
        self, cast: Cast, crew: Crew, calls: int, django_assert_num_queries: Any
    ) -> None:
        runs = a_run(cast, crew, calls), a_run(cast, crew, calls)
        client = signed_in(cast.viewer)
        with django_assert_num_queries(13):
            client.get(of_runs(*runs))

    def test_hostile_texts_stay_texts(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew, output_raw=HOSTILE), a_run(cast, crew, output_raw=f"{HOSTILE} more")
        for run in runs:
            run.tasks.update(name=HOSTILE[:200], agent_role=HOSTILE)
        client = signed_in(cast.viewer)
        for address in (of_runs(*runs), of_runs(*runs).replace("compare/", "compare/output/")):
            page = html(client.get(address))
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page
