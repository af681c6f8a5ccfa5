"""Columns of the list of runs: chosen, ordered, remembered, and nothing read that is not shown."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.models import Crew
from runs.history.columns import COLUMNS, COOKIE, USUAL, moved, read_columns
from runs.history.filters import RunFilter
from runs.history.queries import list_lines
from runs.history.rows import CELLS, rows_of
from runs.states import RunState
from tests.cast import Cast
from tests.ledger import make_run
from tests.pages import HOSTILE, RUNS, html, signed_in

CHOOSE = f"{RUNS}columns/"


def heads(page: str) -> list[str]:
    """The titles of the columns behind the run."""
    found = re.findall(r"<th[^>]*>(.*?)</th>", page.split("<table")[1].split("</thead>", maxsplit=1)[0], re.DOTALL)
    return [re.sub(r"<[^>]+>|↓", "", head).strip() for head in found[2:]]


def test_a_list_of_names_is_read_in_its_order_each_once() -> None:
    assert read_columns("waste, Cost,waste") == (("waste", "cost"), "")
    assert read_columns("") == (USUAL, "")
    columns, complaint = read_columns("cost,colour")
    assert columns == ("cost",)
    assert "'colour'" in complaint
    assert read_columns("cost," * 100)[0] == USUAL


@pytest.mark.parametrize(
    ("name", "by", "expected"),
    [("b", -1, "bac"), ("b", 1, "acb"), ("a", -1, "abc"), ("c", 1, "abc"), ("x", 1, "abc"), ("", -1, "abc")],
)
def test_a_column_moves_as_far_as_there_are_places(name: str, by: int, expected: str) -> None:
    assert "".join(moved("abc", name, by)) == expected


def test_each_column_is_drawn() -> None:
    assert set(CELLS) == set(COLUMNS)


@pytest.mark.django_db
class TestPage:
    @pytest.mark.parametrize("name", list(COLUMNS))
    def test_each_column_can_be_the_only_one(self, cast: Cast, crew: Crew, name: str) -> None:
        for state in RunState:
            make_run(cast.owner, crew, state=state, metadata={"a": [1]}, error="x")
        page = html(signed_in(cast.viewer).get(RUNS, {"columns": name}))
        assert heads(page) == [COLUMNS[name].title]

    def test_what_is_chosen_is_in_the_address_and_remembered(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew)
        client = signed_in(cast.viewer)
        chosen = client.get(
            CHOOSE, {"q": "status:succeeded", "sort": "cost", "column": ["waste", "cost"], "up": "cost"}
        )
        assert chosen["Location"] == f"{RUNS}?q=status%3Asucceeded&sort=cost&columns=cost%2Cwaste#columns"
        page = html(client.get(chosen["Location"]))
        assert heads(page) == ["Cost", "Waste"]
        assert "&amp;columns=cost,waste" in page
        assert heads(html(client.get(RUNS))) == ["Cost", "Waste"]
        assert heads(html(client.get(RUNS, {"columns": "by"}))) == ["By"]
        client.get(CHOOSE, {"usual": "1", "column": "by"})
        assert heads(html(client.get(RUNS))) == [COLUMNS[name].title for name in USUAL]
        client.cookies[COOKIE] = "nonsense"
        assert heads(html(client.get(RUNS))) == [COLUMNS[name].title for name in USUAL]

    def test_an_unknown_column_is_named_and_the_rest_shown(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew)
        response = signed_in(cast.viewer).get(RUNS, {"columns": "cost,<b>"})
        assert response.status_code == 200
        assert heads(html(response)) == ["Cost"]
        assert "There is no column &#x27;&lt;b&gt;&#x27;" in html(response)

    def test_narrowing_keeps_the_columns(self, cast: Cast) -> None:
        query = {"narrow": "1", "q": "", "status": "failed", "columns": "cost,by"}
        assert "columns=cost%2Cby" in signed_in(cast.viewer).get(RUNS, query)["Location"]

    def test_one_query_reads_what_is_shown_and_no_more(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew)
        with CaptureQueriesContext(connection) as queries:
            lines = list_lines(cast.viewer, RunFilter(), sort="newest", cursor="", limit=9, columns=("cost",)).items
            rows_of(lines, ("cost",))
        (query,) = queries.captured_queries
        assert "teams_user" not in query["sql"]
        assert "runs_call" not in query["sql"]
        with pytest.raises(AttributeError):
            _ = lines[0].tokens

    def test_tags_and_errors_are_text(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew, state=RunState.FAILED, error=HOSTILE, error_code="<b>", metadata={HOSTILE: HOSTILE})
        page = html(signed_in(cast.viewer).get(RUNS, {"columns": "tags,error"}))
        assert "<script>alert" not in page
        assert "<b>" not in page
