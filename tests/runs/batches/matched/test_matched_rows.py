"""Rows of two batches matched by their inputs: against a reckoning of its own, row by row."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import defaultdict
from datetime import timedelta
from io import StringIO
from typing import Any
from unicodedata import normalize

import pytest
from django.db import connection
from django.db.models import F

from agents_app.actions import create_crew
from agents_app.models import Crew
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.spec.size import MAX_INPUTS
from runs.batches.actions import launch_batch
from runs.batches.matched import queries
from runs.batches.matched.figures import told_of
from runs.batches.matched.matching import Matching, matching, matching_of
from runs.batches.matched.page import notes_of
from runs.batches.matched.queries import is_clear, matched
from runs.batches.order import BatchOrder
from runs.feeding.feed import feed
from runs.launch.order import LaunchOrder
from runs.models import Batch, BatchRow, Run
from runs.states import RunState
from teams.refusals import Invalid
from tests.cast import Cast
from tests.pages import HOSTILE, html, signed_in
from tests.runs.batches.made import end
from tests.runs.batches.test_api import whole
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number"}, "advice": {"type": "string"}},
    "required": ["score", "advice"],
}
ROWS = "/t/acme/compare/rows/"


def crew_of(cast: Cast, name: str, text: str, *, schema: Any = SCHEMA, **own: str) -> Crew:
    """A crew with one task, which says the text."""
    task = TaskSpec(key="triage", description=text, expected_output="Text", agent="one", output_schema=schema)
    agent = AgentSpec(key="one", role="Clerk", goal="Sort tickets")
    return create_crew(cast.editor, name=name, spec=CrewSpec(name=name, agents=(agent,), tasks=(task,), inputs=own))


def batch_of(cast: Cast, crew: Crew, rows: list[dict[str, str]], **order: Any) -> Batch:
    order = {"max_concurrency": 200, **order}
    return launch_batch(cast.runner, crew, BatchOrder(rows=rows, run=LaunchOrder(simulated=True), **order))


def ran(batch: Batch, position: int, *, state: str = RunState.SUCCEEDED, nusd: int = 0, ms: int = 0, **out: Any) -> Run:
    """The row's run, ended so. Its batch has been fed."""
    run = batch.runs.get(batch_row=position)
    end(run, state, nusd=nusd)
    output = {"output_json": out or None, "output_raw": str(out)} if state == RunState.SUCCEEDED else {}
    took = {"started_at": F("created_at"), "finished_at": F("created_at") + timedelta(milliseconds=ms)}
    Run.objects.filter(pk=run.pk).update(**took, **output)
    return run


def two(cast: Cast) -> Matching:
    """A has four rows and B five: one of A alone, two of B alone, of which one repeats another."""
    crew = crew_of(cast, "Triage", "Sort {ticket} for {customer}")
    rows = [{"ticket": f"T{at}", "customer": "Acme"} for at in range(1, 5)]
    old = batch_of(cast, crew, rows)
    new = batch_of(cast, crew, [rows[2], {"ticket": "T9", "customer": "=1+1"}, rows[0], rows[1], rows[0]])
    feed()
    ran(old, 1, nusd=3_000, ms=100, score=1, advice="buy")
    ran(old, 2, nusd=1_000, ms=300, score=2, advice=HOSTILE)
    ran(old, 3, nusd=2_000, ms=200, score=3, advice="hold")
    ran(old, 4, nusd=9_000, ms=900, score=4, advice="hold")
    ran(new, 1, state=RunState.FAILED, nusd=500, ms=50)
    ran(new, 2, nusd=7_000, ms=700, score=9, advice="sell")
    ran(new, 3, nusd=4_000, ms=50, score=1.0, advice="buy")
    ran(new, 4, nusd=1_500, ms=600, score=2, advice="keep")
    ran(new, 5, nusd=100, ms=10, score=1, advice="buy")
    return matching(cast.viewer, [str(old.pk), str(new.pk)])


def pages(one: Matching, **asked: Any) -> list[Any]:
    """All pairs, read two at a time, there and back."""
    found, cursor, back = [], "", []
    while True:
        page = matched(one, cursor=cursor, limit=2, **asked)
        found += page.pairs
        if back:
            assert matched(one, cursor=page.previous, limit=2, **asked).pairs == back
        back, cursor = list(page.pairs), page.next
        if not cursor:
            return found


def test_equal_inputs_stand_side_by_side_the_worst_first(cast: Cast, subtests: Any) -> None:
    one = two(cast)
    found = matched(one, limit=10)
    both, old, new = found.both, found.baseline, found.other
    assert found.pairs == [(3, 1), (1, 3), (2, 4)]
    assert (old.rows, old.nusd, old.ms, old.succeeded, old.repeated, old.removed) == (4, 15_000, 1_500, 4, 0, 0)
    assert (new.rows, new.nusd, new.ms, new.succeeded, new.repeated, new.ended) == (5, 13_100, 1_410, 4, 1, 5)
    assert (both.rows, both.old_nusd, both.new_nusd, both.old_ms, both.new_ms) == (3, 6_000, 6_000, 600, 700)
    assert (both.worse, both.better, both.old_succeeded, both.new_succeeded) == (1, 0, 3, 2)
    assert (both.dearer, both.cheaper, both.slower, both.faster) == (2, 1, 1, 2)
    assert (found.only_baseline, found.only_other, found.differ) == (1, 2, None)
    assert not both.cost_is_clear
    orders = {
        "-cost": [(1, 3), (2, 4), (3, 1)],
        "cost": [(3, 1), (2, 4), (1, 3)],
        "-seconds": [(2, 4), (1, 3), (3, 1)],
        "row": [(1, 3), (2, 4), (3, 1)],
        "-row": [(3, 1), (2, 4), (1, 3)],
    }
    for sort, expected in orders.items():
        with subtests.test(sort):
            assert pages(one, sort=sort) == expected
    shown = {
        "worse": [(3, 1)],
        "better": [],
        "dearer": [(1, 3), (2, 4)],
        "cheaper": [(3, 1)],
        "slower": [(2, 4)],
        "faster": [(3, 1), (1, 3)],
        "differ": [(2, 4)],
        "baseline": [(4, None)],
        "other": [(None, 2), (None, 5)],
    }
    for show, expected_pairs in shown.items():
        with subtests.test(show):
            assert pages(one, show=show) == expected_pairs
    answers = matched(one, show="differ", limit=10)
    assert (answers.differ, answers.differing) == (1, {"advice": 1})
    assert pages(one, show="differ", field="score") == []
    for wrong in ({"show": "x"}, {"sort": "x"}, {"cursor": "x"}, {"field": "advice"}, {"show": "differ", "field": "x"}):
        with subtests.test(str(wrong)), pytest.raises(Invalid):
            matched(one, limit=10, **wrong)


def test_many_rows_are_matched_as_a_reckoning_of_each_says(cast: Cast) -> None:
    chance = random.Random(4)
    crew = crew_of(cast, "Triage", "Sort {ticket} for {customer}", customer="Acme")
    sides = []
    for _ in range(2):
        rows = [
            {"ticket": f"T{chance.randint(1, 25)}"} | ({"customer": chance.choice(("Acme", "Hooli"))} if at % 3 else {})
            for at in range(60)
        ]
        sides.append((batch_of(cast, crew, rows), rows))
    while feed():
        pass
    for batch, rows in sides:
        for at in range(1, len(rows) - 5):
            state = RunState.FAILED if chance.random() < 0.3 else RunState.SUCCEEDED
            ran(batch, at, state=state, nusd=chance.randint(0, 20), ms=chance.randint(0, 20), score=1, advice="a")
    batch.runs.filter(batch_row__lte=3).update(unpriced_calls=1)
    (old, old_rows), (new, new_rows) = sides
    expected = _reckoned(old, old_rows, new, new_rows)
    found = matched(matching_of(old, new), limit=200)
    assert sorted(found.pairs) == sorted(expected)
    both = found.both
    runs = [(old.runs.get(batch_row=a), new.runs.get(batch_row=b)) for a, b in expected]
    ended = [(a, b) for a, b in runs if a.ended and b.ended]
    priced = [(a.spent_nusd, b.spent_nusd) for a, b in ended if not (a.unpriced_calls or b.unpriced_calls)]
    assert (both.rows, both.ended, both.priced) == (len(expected), len(ended), len(priced))
    assert (both.old_nusd, both.new_nusd) == tuple(map(sum, zip(*priced, strict=True)))
    assert (both.dearer, both.cheaper) == (sum(b > a for a, b in priced), sum(b < a for a, b in priced))
    assert both.worse == sum(a.state == "succeeded" and b.state == "failed" for a, b in ended)
    assert both.better == sum(a.state == "failed" and b.state == "succeeded" for a, b in ended)
    assert (found.only_baseline, found.only_other) == (60 - len(expected), 60 - len(expected))
    assert pages(matching_of(old, new)) == found.pairs


def _reckoned(old: Batch, old_rows: Any, new: Batch, new_rows: Any) -> list[tuple[int, int]]:
    """The nth of the one with the nth of the other; what a row does not give is the crew's own."""
    places: list[defaultdict[tuple[str, str], list[int]]] = [defaultdict(list), defaultdict(list)]
    for side, rows in zip(places, (old_rows, new_rows), strict=True):
        for at, row in enumerate(rows, 1):
            side[row["ticket"], row.get("customer", "Acme")].append(at)
    return [pair for key, at in places[0].items() for pair in zip(at, places[1][key], strict=False)]


def test_inputs_of_other_versions_and_crews(cast: Cast, subtests: Any) -> None:
    """Names in either spelling of their accents, values of the crews' own, inputs that one alone takes."""
    old = batch_of(cast, crew_of(cast, "One", "Sort {café} in {tone}", tone="plain"), [{"café": "x"}, {"café": "y"}])
    spelt = normalize("NFD", "café")
    rows = [{spelt: "y", "tone": "plain", "length": "1"}, {"café": "x", "tone": "warm", "length": "1"}]
    new = batch_of(cast, crew_of(cast, "Two", "In {length} words on {café} in {tone}", schema=None), rows)
    assert new.rows.get(position=1).inputs["café"] == "y", "it is kept as the crew calls it"
    new.rows.filter(position=1).update(inputs=rows[0])  # as rows of before are
    one = matching_of(old, new)
    assert (one.names, one.left_out, one.fields) == (["café", "tone"], ["length"], ("score", "advice"))
    assert matched(one, limit=10).pairs == [(2, 1)]
    assert matched(one, show="baseline", limit=10).pairs == [(1, None)]
    page = html(signed_in(cast.viewer).get(f"{ROWS}?batches={old.pk},{new.pk}"))
    assert "Only one of the crews takes length" in page
    with subtests.test("of rows that lost their texts"):
        BatchRow.objects.filter(batch=new).update(inputs={})
        Batch.objects.filter(pk=new.pk).update(texts_removed_at=F("created_at"))
        new.refresh_from_db()
        found = matched(matching_of(old, new), limit=10)
        assert (found.pairs, found.other.removed, found.only_other, found.only_baseline) == ([], 2, 0, 2)


def test_crews_without_a_common_input(cast: Cast, subtests: Any) -> None:
    old = batch_of(cast, crew_of(cast, "One", "Sort {ticket}"), [{"ticket": "x"}])
    with subtests.test("nothing in common"):
        other = batch_of(cast, crew_of(cast, "Three", "Sort {letter}"), [{"letter": "x"}])
        with pytest.raises(Invalid, match="no input in common"):
            matching_of(old, other)
        part = signed_in(cast.viewer).get(f"{ROWS}?batches={old.pk},{other.pk}", headers={"HX-Request": "true"})
        assert "no input in common" in html(part)
    with subtests.test("no inputs at all"):
        crew = crew_of(cast, "Four", "Say something", schema=None)
        first, second = batch_of(cast, crew, [{}, {}]), batch_of(cast, crew, [{}])
        feed()
        Run.objects.filter(batch=first).update(output_raw="a")
        ran(first, 1)
        ran(second, 1)
        Run.objects.filter(batch=second).update(output_raw="b")
        one = matching_of(first, second)
        found = matched(one, show="differ", limit=10)
        assert (found.pairs, found.differing, found.only_baseline) == ([(1, 1)], {"output": 1}, 1)


def test_page_api_and_file_tell_the_same(cast: Cast, subtests: Any) -> None:
    one = two(cast)
    asked = f"batches={one.baseline.pk},{one.other.pk}"
    client, api = signed_in(cast.viewer), Api(cast)
    page = html(client.get(f"{ROWS}?{asked}"))
    assert "<script>alert" not in page
    assert "No change of cost</strong>" in page
    assert "33 ms slower a row" in page
    assert "In B 1 row repeats the inputs of an earlier one" in page
    assert page.index("It broke.") < page.index("the same</span>")
    answer = api.ask("GET", f"/compare/rows?{asked}").json()
    assert [(item["baseline"]["row"], item["other"]["row"]) for item in answer["items"]] == [(3, 1), (1, 3), (2, 4)]
    assert [item["differ"] for item in answer["items"]] == [None, [], ["advice"]]
    assert [item["cost_difference_usd"] for item in answer["items"]] == ["-0.0000015", "0.000001", "0.0000005"]
    assert [item["duration_difference_ms"] for item in answer["items"]] == [-150, -50, 300]
    assert (answer["both"]["cost_difference_usd"], answer["both"]["duration_difference_ms"]) == ("0", 100)
    assert (answer["baseline"]["unmatched"], answer["other"]["unmatched"], answer["other"]["repeated"]) == (1, 2, 1)
    turned = api.ask("GET", f"/compare/rows?{asked}&baseline={one.other.pk}&show=better&limit=1").json()
    assert (turned["baseline"]["id"], len(turned["items"])) == (str(one.other.pk), 1)
    with subtests.test("file"):
        for address in (f"{ROWS}csv/?{asked}", None):
            sent = client.get(address) if address else api.ask("GET", f"/compare/rows/file?{asked}")
            text = whole(sent).decode()
            lines = list(csv.DictReader(StringIO(text, newline="")))
            assert [line["matched"] for line in lines] == ["both", "both", "both", "baseline", "other", "other"]
            assert [line["cost_difference_usd"] for line in lines[:3]] == ["-0.0000015", "0.000001", "0.0000005"]
            assert [line["differ"] for line in lines[:3]] == ["", "", "advice"]
            assert (lines[4]["customer"], lines[2]["baseline_output.advice"]) == ("'=1+1", HOSTILE)


def test_a_comparison_of_batches_leads_there_and_nothing_else_does(cast: Cast, subtests: Any) -> None:
    one = two(cast)
    asked = f"batches={one.baseline.pk},{one.other.pk}"
    client, api = signed_in(cast.viewer), Api(cast)
    with subtests.test("comparison"):
        found = html(client.get(f"/t/acme/compare/?{asked}"))
        assert f'hx-get="{ROWS}?{asked}"' in found
        part = client.get(f"{ROWS}?{asked}", headers={"HX-Request": "true"})
        assert "All matched rows" in html(part)
        assert ROWS not in html(client.get(f"/t/acme/compare/?batches={one.baseline.pk}"))
    with subtests.test("what cannot be matched"):
        for text in ("", "x,y", f"{one.baseline.pk}", f"{one.baseline.pk},{one.baseline.pk}"):
            assert client.get(f"{ROWS}?batches={text}").status_code == 404
            assert api.ask("GET", f"/compare/rows?batches={text}").json()["error"]["fields"].keys() == {"batches"}
        strange = signed_in(cast.stranger).get(f"/t/others/compare/rows/?{asked}")
        assert strange.status_code == 404
        assert client.get(f"{ROWS}?{asked}&show=x").status_code == 302


def test_a_database_that_takes_too_long_is_said_and_not_asked_again(
    cast: Cast, subtests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = two(cast)
    address = f"{ROWS}?batches={one.baseline.pk},{one.other.pk}"
    monkeypatch.setattr(queries, "SECONDS", 0.0)
    client = signed_in(cast.viewer)
    found = client.get(address)
    assert (found.status_code, "took too long" in html(found)) == (422, True)
    part = client.get(address, headers={"HX-Request": "true"})
    assert (part.status_code, "took too long" in html(part)) == (200, True)


def test_pages_say_of_rows_what_is_so(cast: Cast, subtests: Any) -> None:
    crew = crew_of(cast, "Triage", "Sort {ticket}")
    rows = [{"ticket": f"T{at}"} for at in range(8)]
    old, new = batch_of(cast, crew, rows), batch_of(cast, crew, [*rows[:7], {"ticket": "X"}, {"ticket": "Y"}])
    feed()
    for batch in (old, new):
        for at in range(1, 9):
            ran(batch, at, nusd=1_000, ms=100, score=1, advice="a")
    old.runs.filter(batch_row=8).update(unpriced_calls=1)
    one = matching_of(old, new)
    with subtests.test("all alike"):
        told = told_of(matched(one, limit=1))
        assert {(answer.head, answer.rest) for answer in told} == {
            ("No change of cost", "all 7 rows are the same"),
            ("No change of time", "all 7 rows are the same"),
        }
    with subtests.test("what is in no sum"):
        assert notes_of(matched(one, limit=1)) == [
            "In A the cost of 1 row is not known in full: it is in no sum of costs.",
            "In B 1 row has not ended: it is in no sum yet.",
        ]
        new.runs.filter(batch_row__in=[1, 2]).update(unpriced_calls=1)
        notes = notes_of(matched(one, limit=1))
        assert notes[1] == "In B the cost of 2 rows is not known in full: they are in no sum of costs."
        assert notes[-1] == "Of 2 pairs that have ended a cost is not known in full: they are in no sum of both."
    client = signed_in(cast.viewer)
    address = f"{ROWS}?batches={old.pk},{new.pk}"
    with subtests.test("orders"):
        assert 'aria-sort="descending"' in html(client.get(f"{address}&sort=-cost"))
        alone = html(client.get(f"{address}&show=baseline&sort=-cost"))
        assert "aria-sort" not in alone
        assert "worst first" not in alone
    with subtests.test("ids of parts that stand on one page"):
        parts = [
            html(client.get(f"{ROWS}?batches={ids}", headers={"HX-Request": "true"}))
            for ids in (f"{old.pk},{new.pk}", f"{old.pk},{batch_of(cast, crew, rows).pk}")
        ]
        ids = [found for part in parts for found in re.findall(r' id="([^"]+)"', part)]
        assert len(ids) == len(set(ids))


def test_a_difference_is_clear_where_signs_alone_tell() -> None:
    assert not is_clear(5, 5, 0)
    assert is_clear(6, 6, 0)
    assert not is_clear(10, 8, 2)
    assert is_clear(10, 9, 1)
    assert is_clear(20, 15, 0)
    assert not is_clear(20, 14, 0)


def test_crews_of_as_many_inputs_as_a_crew_may_have_are_matched(cast: Cast) -> None:
    names = [f"i{at}" for at in range(MAX_INPUTS)]
    crew = crew_of(cast, "Wide", " ".join(f"{{{name}}}" for name in names))
    rows = [dict.fromkeys(names, f"{nth}") for nth in range(2)]
    old, new = batch_of(cast, crew, rows), batch_of(cast, crew, [*rows[::-1], rows[0] | {names[-1]: "other"}])
    found = matched(matching(cast.viewer, [str(old.pk), str(new.pk)]), sort="row", limit=10)
    assert (found.pairs, found.only_other) == ([(1, 2), (2, 1)], 1)
    page = html(signed_in(cast.viewer).get(ROWS, {"batches": f"{old.pk},{new.pk}"}))
    assert page.find("table") is not None


class Plans:
    """Runs each statement that is given to it once more, with what PostgreSQL did for it."""

    def __init__(self) -> None:
        self.most_rejected = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "AS MATERIALIZED" in sql:
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
                (found,) = cursor.cursor.fetchone()
            self._look_at(found if isinstance(found, list) else json.loads(found))
        return execute(sql, params, many, context)

    def _look_at(self, part: Any) -> None:
        if isinstance(part, dict):
            rejected = part.get("Rows Removed by Join Filter", 0) * part.get("Actual Loops", 1)
            self.most_rejected = max(self.most_rejected, rejected)
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            self._look_at(one)


def test_rows_are_matched_without_holding_each_against_each(cast: Cast, subtests: Any) -> None:
    """Of batches that were just launched PostgreSQL knows nothing yet: it took them for a row each."""
    crew = crew_of(cast, "Triage", "Sort {ticket}")
    rows = [{"ticket": "the same"}] * 300
    old, new = (batch_of(cast, crew, rows) for _ in range(2))
    feed()
    for batch in (old, new):
        for position in range(1, 51):
            ran(batch, position, nusd=position, score=1, advice=str(batch.pk))
    for show in ("", "differ", "baseline"):
        with subtests.test(show=show):
            plans = Plans()
            with connection.execute_wrapper(plans):
                found = matched(matching(cast.viewer, [str(old.pk), str(new.pk)]), show=show, limit=10)
            assert (found.both.rows, len(found.pairs)) == (300, 0 if show == "baseline" else 10)
            assert plans.most_rejected <= 300
