"""A comparison by page, CSV and API: the same figures, and a word for whatever cannot be shown."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from agents_app.models import Crew
from runs.models import Run
from runs.ratings.actions import rate
from teams.models import Scope
from tests.cast import Cast
from tests.ledger import make_call, make_task
from tests.pages import HOSTILE, html, page_of, signed_in
from tests.runs.books import make_books
from tests.runs.compare.runs_to_compare import COMPARE, a_run, of_runs
from tests.runs.run.test_api import Api

pytestmark = pytest.mark.django_db


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

    def test_both_waterfalls_are_drawn_on_one_axis(self, cast: Cast, crew: Crew) -> None:
        page = signed_in(cast.viewer).get(of_runs(a_run(cast, crew, seconds=5), a_run(cast, crew, seconds=10)))
        (_, short), (_, long) = page.context["page"].timelines
        assert short.ticks_ms == long.ticks_ms == (0, 2500, 5000, 7500, 10_000)
        assert [round(line.rows[0].width) for line in (short, long)] == [500, 1000]

    def test_of_many_parts_the_largest_are_drawn_and_the_rest_is_listed(self, cast: Cast, crew: Crew) -> None:
        run, other = a_run(cast, crew), a_run(cast, crew)
        for number in range(20):
            task = make_task(other, f"t{number}", position=number + 1, started_at=other.started_at)
            make_call(other, task=task, cost_nusd=1000 * (number + 1))
        page = signed_in(cast.viewer).get(of_runs(run, other)).context["page"]
        steps = page.answers[0].steps[0]
        assert (len(steps.steps), len(steps.rest)) == (12, 8)
        assert sum(step.amount for step in (*steps.steps, *steps.rest)) == 1000 * 210
        assert steps.rest_text == "+$0.000036"
        ends = [round(step.x + step.width, 3) for step in steps.steps]
        starts = [round(step.x, 3) for step in steps.steps]
        assert all(abs(end - start) < 0.01 for end, start in zip(ends, starts[1:], strict=False))

    def test_hostile_texts_stay_texts(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew, output_raw=HOSTILE), a_run(cast, crew, output_raw=f"{HOSTILE} more")
        for run in runs:
            run.tasks.update(name=HOSTILE[:200], agent_role=HOSTILE)
        client = signed_in(cast.viewer)
        for address in (of_runs(*runs), of_runs(*runs).replace("compare/", "compare/output/")):
            page = html(client.get(address))
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page


class TestOneAddress:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("company-brief@3", "versions=company-brief@3"),
            ("status:failed cost:>0.1", "q=status:failed+cost:%3E0.1"),
            (
                "https://x/t/acme/runs/0190a8a0-0000-7000-8000-000000000000/",
                "runs=0190a8a0-0000-7000-8000-000000000000",
            ),
            ("0190a8a0-0000-7000-8000-000000000000", "runs=0190a8a0-0000-7000-8000-000000000000"),
        ],
    )
    def test_what_is_added_is_written_into_it(self, cast: Cast, typed: str, kept: str) -> None:
        answer = signed_in(cast.viewer).get(COMPARE, {"add": typed, "simulated": "no"})
        assert answer.status_code == 302
        assert answer["Location"] == f"{COMPARE}?{kept}&simulated=no"

    def test_a_renamed_task_is_guessed_and_can_be_matched_anew(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew), a_run(cast, crew, 2)
        runs[1].tasks.update(key="numbers", name="The figures")
        client = signed_in(cast.viewer)
        assert "matched by likeness" in html(client.get(of_runs(*runs)))
        chosen = client.get(f"{of_runs(*runs)}&old=figures&new=")
        assert chosen["Location"].endswith("&align=figures:")
        page = html(client.get(chosen["Location"]))
        assert "matched by likeness" not in page
        assert "left out" in page


class TestTheSameFigures:
    def test_page_api_and_csv_tell_the_same(  # noqa: PLR0915 - one story, told three times
        self, cast: Cast, crew: Crew
    ) -> None:
        plain = a_run(cast, crew, 2, seconds=10.123)
        cheap = {
            "model": "gpt-4o-mini",
            "input_usd_per_mtok": "0.15",
            "output_usd_per_mtok": "0.6",
            "cost_nusd": 45_000,
        }
        other = a_run(cast, crew, 3, seconds=7.5, call=cheap)
        retried = make_call(other, task=other.tasks.get(), step=9, cost_class="retry", attempt=2)
        unpriced = make_call(other, task=other.tasks.get(), step=10, cost_nusd=None, model="acme")
        Run.objects.filter(pk=other.pk).update(spent_nusd=885_000, unpriced_calls=1, successful_requests=5)
        query = {"runs": f"{plain.pk},{other.pk}"}
        api = Api(cast.viewer, Scope.READ).get("/compare", **query).json()
        page = signed_in(cast.viewer).get(COMPARE, query).context["page"]
        lines = list(csv.DictReader(StringIO(html(signed_in(cast.viewer).get(f"{COMPARE}csv/", query)))))

        assert retried.cost_nusd == 750_000
        assert unpriced.cost_nusd is None
        (why,) = api["why_cost"]
        split = page.comparison.against[0].cost
        assert why["difference_usd"] == "-0.000615"
        assert sum(Decimal(part["usd"]) for part in why["parts"]) == Decimal(why["difference_usd"])
        assert split.difference == round(Decimal(why["difference_usd"]) * 10**9)
        in_csv = [line for line in lines if line["section"] == "why_cost"]
        assert [line["difference"] for line in in_csv] == [part["usd"] for part in why["parts"]]
        assert [line["reason"] for line in in_csv] == [part["reason"] for part in why["parts"]]
        assert why["unpriced_calls"] == [0, 1]
        (slow,) = api["why_time"]
        assert slow["difference_ms"] == -2623 == sum(part["ms"] for part in slow["parts"])
        assert [line["difference"] for line in lines if line["section"] == "why_time"] == [
            str(part["ms"]) for part in slow["parts"]
        ]
        columns = api["columns"]
        assert [column["cost_usd"] for column in columns] == ["0.0015", "0.000885"]
        assert [column["usage"]["cost_usd"] for column in columns] == ["0.0015", None]
        assert [column["waste_usd"] for column in columns] == ["0", "0.00075"]
        assert [column["duration_ms"] for column in columns] == [plain.duration_ms, other.duration_ms]
        costs = [line["value"] for line in lines if (line["section"], line["reason"]) == ("figure", "cost")]
        assert costs == ["0.0015", "0.000885"]
        assert page.figures[0].first == "$0.001500"
        assert page.figures[0].others[0][1] == "≥ $0.000885"
        assert api["sentence"].startswith(page.answers[0].sentences[0].text)

    def test_a_spreadsheet_is_given_no_formula(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew), a_run(cast, crew, 2)
        runs[0].tasks.update(name="=HYPERLINK(1)")
        text = html(signed_in(cast.viewer).get(of_runs(*runs).replace("compare/", "compare/csv/")))
        assert "'=HYPERLINK(1)" in text
        assert ",=HYPERLINK" not in text

    def test_the_api_wants_to_know_what_to_compare(self, cast: Cast) -> None:
        answer = Api(cast.viewer, Scope.READ).get("/compare")
        assert answer.status_code == 422
        assert answer.json()["error"]["fields"] == {"runs": "Give runs, versions, batches or q."}

    def test_the_api_compares_filters_and_versions(self, cast: Cast, crew: Crew) -> None:
        for calls in range(1, 8):
            a_run(cast, crew, calls)
        answer = Api(cast.viewer, Scope.READ).get("/compare", q=["crew:brief", "tokens:>450"], baseline="tokens:>450")
        found = answer.json()
        assert found["baseline"] == "tokens:>450"
        assert [column["runs"] for column in found["columns"]] == [4, 7]
        assert found["columns"][1]["cost"] == {
            "runs": 7,
            "median": "0.003",
            "p95": "0.00525",
            "interval": {"low": None, "high": None, "clear": False, "more_runs": None},
        }


class TestOutputs:
    def compared(self, cast: Cast, crew: Crew, old: dict[str, Any], new: dict[str, Any]) -> str:
        runs = a_run(cast, crew, **old), a_run(cast, crew, **new)
        return html(signed_in(cast.viewer).get(of_runs(*runs).replace("compare/", "compare/output/")))

    def test_texts_are_compared_by_word(self, cast: Cast, crew: Crew) -> None:
        page = self.compared(cast, crew, {"output_raw": "Profit rose by 3 %"}, {"output_raw": "Profit fell by 3 %"})
        assert "Profit <del>rose</del><ins>fell</ins> by 3 %" in page

    def test_the_outputs_of_a_task_are_compared_too(self, cast: Cast, crew: Crew) -> None:
        runs = a_run(cast, crew), a_run(cast, crew)
        for run, text in zip(runs, ("Three figures", "Four figures"), strict=True):
            run.tasks.update(output_raw=text)
        client = signed_in(cast.viewer)
        page = html(client.get(of_runs(*runs)))
        address = f"{COMPARE}output/?runs={runs[0].pk},{runs[1].pk}&amp;old=figures&amp;new=figures"
        assert f'href="{address}"' in page
        assert "<del>Three</del><ins>Four</ins> figures" in html(client.get(address.replace("&amp;", "&")))
        assert client.get(address.replace("&amp;new=figures", "&new=x").replace("&amp;", "&")).status_code == 404

    def test_json_is_compared_by_path(self, cast: Cast, crew: Crew) -> None:
        old, new = {"a": {"b": [1, 2]}, "c": "x"}, {"a": {"b": [1, 3]}, "d": None, "c": "x"}
        page = self.compared(
            cast, crew, {"output_raw": "{}", "output_json": old}, {"output_raw": "{ }", "output_json": new}
        )
        assert "<code>$.a.b[1]</code>" in page
        assert "<del>2</del>" in page
        assert "missing" in page
        assert "2 values are the same." in page

    def test_runs_without_output_and_equal_outputs_have_a_word(self, cast: Cast, crew: Crew) -> None:
        assert "One of the two has no output." in self.compared(cast, crew, {}, {"output_raw": "x"})
        assert "Both outputs are the same." in self.compared(cast, crew, {"output_raw": "x"}, {"output_raw": "x"})


def test_figures_equal_the_runs_own_pages_to_the_millisecond(cast: Cast, crew: Crew) -> None:
    """PostgreSQL rounds half a millisecond as Python does."""
    runs = [a_run(cast, crew, seconds=seconds) for seconds in (1.0005, 1.0015, 2.0024995, 0.0005)]
    page = signed_in(cast.viewer).get(of_runs(*runs)).context["page"]
    assert [head.side.totals.duration_ms for head in page.heads] == [run.duration_ms for run in runs]


def test_what_is_split_is_what_the_ledger_booked() -> None:
    """Calls of every state and class, with retries, reuse and unpriced ones: the books of the invariants' tests."""
    books = make_books()
    runs = books.done, books.failed, books.busy, books.waiting, books.queued
    page = signed_in(books.cast.viewer).get(of_runs(*runs)).context["page"]
    for head, run in zip(page.heads, runs, strict=True):
        run.refresh_from_db()
        assert sum(row.cost_nusd for row in head.side.calls) == head.side.totals.spent_nusd == run.spent_nusd
        assert sum(row.calls for row in head.side.calls if not row.priced) == run.unpriced_calls
        assert sum(sum(row.tokens.values()) for row in head.side.calls) == run.total_tokens
        assert sum(row.requests for row in head.side.calls) == run.successful_requests
    for one, run in zip(page.comparison.against, runs[1:], strict=True):
        assert one.cost.difference == run.spent_nusd - runs[0].spent_nusd == sum(part.amount for part in one.cost.parts)


class TestRatings:
    def test_runs_without_ratings_have_no_row_of_them(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.viewer).get(of_runs(a_run(cast, crew), a_run(cast, crew))))
        assert ">Rating<" not in page

    def test_means_and_numbers_are_shown_and_a_few_settle_nothing(self, cast: Cast, crew: Crew) -> None:
        old, new = a_run(cast, crew), a_run(cast, crew)
        for who, before, after in ((cast.owner, 3, 5), (cast.viewer, 4, 4), (cast.runner, 4, 4)):
            rate(who, old, stars=before)
            rate(who, new, stars=after)
        page = " ".join(html(signed_in(cast.viewer).get(of_runs(old, new))).split())
        row = page[page.index(">Rating<") :].split("</tr>")
        assert ">3.67<" in row[0]
        assert ">4.33<" in row[0]
        assert "≈" in row[0]
        assert "+0.67" in row[0]
        assert "number of ratings" in row[1]
        columns = Api(cast.viewer, Scope.READ).get("/compare", runs=f"{old.pk},{new.pk}").json()["columns"]
        assert columns[0]["rating"] == {"mean": 3.6667, "count": 3, "interval": None}
        few = {"low": None, "high": None, "clear": False, "more_runs": None}
        assert columns[1]["rating"] == {"mean": 4.3333, "count": 3, "interval": few}

    def test_groups_with_many_rated_runs_differ_clearly(self, cast: Cast, crew: Crew) -> None:
        for customer, stars in (("a", 2), ("b", 5)):
            for _ in range(30):
                rate(cast.owner, a_run(cast, crew, error=customer), stars=stars)
        api = Api(cast.viewer, Scope.READ)
        answer = api.get("/compare?q=rating:2..2&q=rating:5").json()
        rating = answer["columns"][1]["rating"]
        assert (rating["mean"], rating["count"], rating["interval"]["clear"]) == (5.0, 30, True)
        assert 1 < rating["interval"]["low"] < 3 < rating["interval"]["high"] < 4
        text = html(signed_in(cast.viewer).get(f"{COMPARE}csv/?q=rating:2..2&q=rating:5"))
        assert ",rating,Rating,stars,2,5,3" in text
