"""The table of a batch's results: its columns, its orders and pages, and how its runs are spread."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from agents_app.actions import create_crew
from agents_app.models import Crew
from runs.batches.results.columns import columns_of, sort_of
from runs.batches.results.sorting import _VALUED, page_of_rows
from runs.batches.results.spreads import spreads_of
from runs.feeding.feed import feed
from runs.models import Batch, Run
from runs.states import RunState
from teams.refusals import Invalid
from tests.cast import Cast, brief_spec
from tests.pages import HOSTILE, html, signed_in
from tests.runs.batches.made import end, fed, make_batch
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number"}, "advice": {"type": "string"}},
    "required": ["score", "advice"],
}


def with_schema(cast: Cast) -> Crew:
    """The small crew, whose last task answers a score and a word."""
    spec = brief_spec()
    last = spec.tasks[-1].model_copy(update={"output_schema": SCHEMA})
    answering = spec.model_copy(update={"tasks": (*spec.tasks[:-1], last)})
    return create_crew(cast.editor, name="Company brief", spec=answering)


def answer(run: Run, *, nusd: int, ms: int = 0, **output: Any) -> None:
    end(run, nusd=nusd)
    Run.objects.filter(pk=run.pk).update(
        output_json=output,
        output_raw=f"{output}",
        started_at=F("created_at"),
        finished_at=F("created_at") + timedelta(milliseconds=ms),
    )


@pytest.fixture
def batch(cast: Cast) -> Batch:
    """Of six rows: three succeeded, one failed, one runs, one waits."""
    batch = make_batch(cast.runner, with_schema(cast), rows=6, max_concurrency=5)
    one, two, three, four, _ = fed(batch)
    answer(one, nusd=30_000_000, ms=4_000, score=9, advice="buy")
    answer(two, nusd=10_000_000, ms=9_000, score=10, advice="Hold")
    answer(three, nusd=20_000_000, ms=2_000, score=-1.5, advice=HOSTILE)
    end(four, RunState.FAILED, nusd=40_000_000)
    return batch


def test_each_column_sorts_both_ways_and_what_has_no_value_comes_last(batch: Batch, subtests: Any) -> None:
    columns = columns_of(batch)
    assert [column.name for column in columns] == [
        *("row", "input:company", "status", "output:score", "output:advice", "cost", "seconds"),
    ]
    orders = {
        "": [1, 2, 3, 4, 5, 6],
        "-row": [6, 5, 4, 3, 2, 1],
        "input:company": [1, 5, 4, 2, 6, 3],
        "-input:company": [3, 6, 2, 4, 5, 1],
        "status": [6, 5, 1, 2, 3, 4],
        "output:score": [3, 1, 2, 4, 5, 6],
        "-output:score": [2, 1, 3, 4, 5, 6],
        "output:advice": [3, 1, 2, 4, 5, 6],
        "-cost": [4, 1, 3, 2, 5, 6],
        "cost": [5, 2, 3, 1, 4, 6],
        "-seconds": [2, 1, 3, 4, 5, 6],
    }
    for name, expected in orders.items():
        with subtests.test(name):
            sort = sort_of(columns, name)
            assert page_of_rows(batch, sort, limit=10).items == expected
            found, cursor = [], ""
            while len(found) < 6:
                page = page_of_rows(batch, sort, cursor=cursor, limit=2)
                found, cursor = [*found, *page.items], page.next
            assert (found, cursor) == (expected, "")
            back = page_of_rows(batch, sort, cursor=page.previous, limit=2)
            assert back.items == expected[2:4]
            first = page_of_rows(batch, sort, cursor=back.previous, limit=2)
            assert (first.items, first.previous) == (expected[:2], "")
    for name in ("output", "input:firm", "price", "--cost"):
        with subtests.test(name), pytest.raises(Invalid):
            sort_of(columns, name)


def test_the_page_shows_the_fields_of_the_answer_and_keeps_state_and_order(batch: Batch, cast: Cast) -> None:
    client, address = signed_in(cast.viewer), f"/t/acme/batches/{batch.pk}/"
    page = html(client.get(f"{address}?sort=-cost&status=succeeded"))
    assert "<script>alert" not in page
    assert page.index(">buy<") < page.index("Hold")
    assert "It broke." not in page
    assert 'aria-sort="descending"' in page
    assert 'href="?status=succeeded&amp;sort=cost"' in page
    assert 'href="?sort=-cost&amp;status=failed"' in page
    assert 'colspan="2" data-label="Error"' in html(client.get(f"{address}?sort=output%3Ascore"))
    assert client.get(f"{address}?sort=price").status_code == 302
    marked = {"score": 10, "advice": f"# **Hold** {'on ' * 100}"}
    batch.runs.filter(batch_row=2).update(output_json=marked)
    page = html(client.get(address))
    assert ">Hold on on" in page
    assert "**" not in page
    assert "on…</div>" in page


def test_the_api_sorts_as_the_page_does(batch: Batch, cast: Cast) -> None:
    api, address = Api(cast), f"/batches/{batch.pk}"
    found = api.ask("GET", f"{address}?sort=-output:score&limit=2").json()
    assert [item["row"] for item in found["items"]] == [2, 1]
    more = api.ask("GET", f"{address}?sort=-output:score&limit=2&cursor={found['next']}").json()
    assert [item["row"] for item in more["items"]] == [3, 4]
    assert api.ask("GET", f"{address}?sort=price").json()["error"]["fields"].keys() == {"sort"}


def test_its_runs_are_spread_over_cost_and_time_with_exact_figures(batch: Batch, cast: Cast) -> None:
    money, times = spreads_of(batch)
    assert (money.figures.runs, money.figures.median, money.figures.p95) == (3, 20_000_000, 30_000_000)
    assert (money.figures.least, money.figures.most, money.figures.mean) == (10_000_000, 30_000_000, 20_000_000)
    assert (times.figures.median, times.figures.p95) == (4_000, 9_000)
    for measured in (money, times):
        columns = measured.spread.columns
        assert sum(column.runs for column in columns) == 3
        assert (columns[0].runs, columns[-1].runs) == (1, 1)
        assert (columns[0].low, columns[-1].high) == (measured.figures.least, measured.figures.most)
    Run.objects.filter(batch=batch, state=RunState.SUCCEEDED).update(unpriced_calls=1)
    assert [measured.figures.measure for measured in spreads_of(batch)] == ["ms"]
    page = html(signed_in(cast.viewer).get(f"/t/acme/batches/{batch.pk}/"))
    assert "Time of 3 runs" in page
    assert "Cost of" not in page


def test_nothing_is_spread_before_a_run_has_ended(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew)
    assert not spreads_of(batch)
    feed()
    assert not spreads_of(batch)


def test_a_number_is_what_postgresql_reads_as_one_whatever_the_locale_calls_blank_or_digit() -> None:
    texts = [" 12 ", "-1.5e3", "\u20031", "\u30001", "1\u2003", "\u0663", "\uff11", "\t1\n"]
    with connection.cursor() as cursor:
        cursor.execute("CREATE COLLATION wide (provider = libc, locale = 'C.UTF-8')")
        valued = _VALUED.replace("FROM keyed", "FROM (SELECT unnest(%s::text[]) COLLATE wide AS key) AS keyed")
        cursor.execute(f"SELECT value FROM {valued} AS valued", [texts])
        found = [value for (value,) in cursor.fetchall()]
    assert found == [12, -1500, *[None] * 6]
