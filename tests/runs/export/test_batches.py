"""What a file of runs holds: each run once, with the figures of the page and the API, in their order."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.utils import timezone

from agents_app.models import Crew
from runs.export import batches as reading
from runs.export.batches import batches, begin
from runs.export.columns import COLUMNS
from runs.export.formats import CSV, JSON_LINES, csv_lines, json_lines
from runs.history import queries
from runs.history.filters import RunFilter
from runs.history.orders import ORDERS
from runs.models import Run
from runs.run.schemas import UsageOut
from runs.states import RUN_LIVE, CallState, CostClass, RunState
from teams.refusals import Invalid
from tests.cast import Cast
from tests.ledger import make_call, make_run
from tests.made_once import undone

pytestmark = pytest.mark.django_db
EVERYTHING = RunFilter()


def exported(cast: Cast, q: str = "", sort: str = "newest") -> list[Any]:
    return [row for batch in batches(begin(cast.viewer, RunFilter.parse(q), sort)) for row in batch]


def as_csv(rows: list[Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(CSV.begins + csv_lines(rows))))


def as_json(rows: list[Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (JSON_LINES.begins + json_lines(rows)).splitlines()]


@pytest.fixture
def runs(cast: Cast, crew: Crew) -> list[Run]:
    made = [
        make_run(cast.owner, crew, usd=number // 3, seconds=number // 2 + 0.1234567, prompt_tokens=number // 4)
        for number in range(7)
    ]
    make_run(cast.owner, crew, state=RunState.RUNNING)
    make_run(cast.owner, crew, state=RunState.FAILED, usd=0.25)
    return made


def test_it_holds_what_the_page_lists_in_its_order(
    cast: Cast, runs: list[Run], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for sort in ORDERS:
        listed = queries.list_lines(cast.viewer, EVERYTHING, sort=sort, cursor="", limit=50).items
        assert len(listed) == 9
        if sort.startswith("state"):  # those that have not ended come last: they change their groups
            listed = sorted(listed, key=lambda line: line.state in RUN_LIVE)
        for size in (1, 2, 3, 1000):
            monkeypatch.setattr(reading, "BATCH_ROWS", size)
            with subtests.test(sort=sort, size=size):
                assert [row.pk for row in exported(cast, sort=sort)] == [line.pk for line in listed]


def test_a_filter_narrows_it(cast: Cast, runs: list[Run]) -> None:
    assert {row["state"] for row in as_csv(exported(cast, "status:failed"))} == {"failed"}


def test_a_stranger_exports_nothing_of_ours(cast: Cast, runs: list[Run]) -> None:
    assert [row for batch in batches(begin(cast.stranger, EVERYTHING, "cost")) for row in batch] == []


def test_runs_that_are_launched_and_end_meanwhile_are_neither_lost_nor_doubled(
    cast: Cast, crew: Crew, runs: list[Run], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.setattr(reading, "BATCH_ROWS", 2)
    before = set(Run.objects.values_list("pk", flat=True))
    for sort in ORDERS:
        with subtests.test(sort=sort), undone():
            assert sorted(_exported_while_others_go_on(cast, crew, sort)) == sorted(before)


def _exported_while_others_go_on(cast: Cast, crew: Crew, sort: str) -> list[Any]:
    found: list[Any] = []
    for number, batch in enumerate(batches(begin(cast.viewer, EVERYTHING, sort))):
        found += [row.pk for row in batch]
        later = timezone.now() + timedelta(seconds=1)
        make_run(cast.owner, crew, usd=number, created_at=later, started_at=later, finished_at=later)
        ended = {"state": RunState.SUCCEEDED, "finished_at": later, "spent_nusd": 99 * 10**9, "prompt_tokens": 10**6}
        Run.objects.filter(state=RunState.RUNNING).update(**ended)
    return found


def test_figures_are_those_of_page_and_api_to_the_last_digit(cast: Cast, runs: list[Run]) -> None:
    run = runs[-1]
    usage = {"prompt_tokens": 900, "cached_prompt_tokens": 300, "cache_write_tokens": 20, "completion_tokens": 70}
    Run.objects.filter(pk=run.pk).update(
        spent_nusd=123_456_789, reasoning_tokens=7, successful_requests=3, metadata={"customer": "Ärzte"}, **usage
    )
    run.refresh_from_db()
    columns = ("cost", "waste", "duration", "queued", "tokens", "cached", "calls", "by", "tags")
    lines = queries.list_lines(cast.viewer, EVERYTHING, sort="newest", cursor="", limit=50, columns=columns).items
    line = next(line for line in lines if line.pk == run.pk)
    api = UsageOut.from_orm(run)
    rows = exported(cast)
    in_csv = next(row for row in as_csv(rows) if row["run"] == str(run.pk))
    in_json = next(row for row in as_json(rows) if row["run"] == str(run.pk))
    assert in_csv["cost_usd"] == in_json["cost_usd"] == api.cost_usd == "0.123456789"
    assert Decimal(in_csv["cost_usd"]) * 10**9 == line.spent_nusd
    assert Decimal(in_csv["seconds"]) * 1000 == in_json["seconds"] * 1000 == line.took_ms == run.duration_ms
    assert int(in_csv["total_tokens"]) == in_json["total_tokens"] == api.total_tokens == line.tokens == 970
    for name in ("prompt_tokens", "cached_prompt_tokens", "completion_tokens", "reasoning_tokens"):
        assert int(in_csv[name]) == in_json[name] == getattr(api, name)
    assert int(in_csv["calls"]) == api.successful_requests == line.row.successful_requests
    assert in_csv["by"] == line.by == str(cast.owner.user)
    assert in_json["tags"] == json.loads(in_csv["tags"]) == {"customer": "Ärzte"}
    assert line.tags == "customer: Ärzte"
    assert in_csv["launched_at"] == run.created_at.isoformat().replace("+00:00", "Z")


def test_waste_is_all_of_a_run_that_gave_nothing_and_else_its_lost_calls(cast: Cast, crew: Crew) -> None:
    lost = make_run(cast.owner, crew, state=RunState.FAILED, usd=0.5, successful_requests=1)
    make_call(lost)
    good = make_run(cast.owner, crew, usd=0.004)
    make_call(good)
    make_call(good, step=1, cost_class=CostClass.RETRY, state=CallState.ERROR, cost_nusd=1_000)
    make_call(good, step=2, cost_class=CostClass.DUPLICATE, cost_nusd=30)
    make_call(good, step=3, cost_class=CostClass.FAILED, state=CallState.INTENT, finished_at=None, cost_nusd=None)
    found = {row["run"]: row["waste_usd"] for row in as_csv(exported(cast))}
    assert found == {str(lost.pk): "0.5", str(good.pk): "0.00000103"}
    make_call(good, step=4, cost_class=CostClass.RETRY, state=CallState.ERROR, cost_nusd=None)
    assert {row["run"]: row["waste_usd"] for row in as_csv(exported(cast))}[str(good.pk)] == "unpriced"
    assert {row["run"]: row["waste_usd"] for row in as_json(exported(cast))}[str(good.pk)] is None


def test_an_unknown_price_is_neither_zero_nor_blank(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew, usd=0.5, unpriced_calls=2)
    (row,) = as_csv(exported(cast))
    assert (row["cost_usd"], row["known_cost_usd"], row["unpriced_calls"]) == ("unpriced", "0.5", "2")
    assert as_json(exported(cast))[0]["cost_usd"] is None


def test_a_spreadsheet_takes_nothing_for_a_formula(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew, state=RunState.FAILED, error="=1+1", error_code="-2", metadata={"a": "=1"})
    Crew.objects.filter(pk=crew.pk).update(name='@SUM(A1),"x"\n')
    type(cast.owner.user).objects.filter(pk=cast.owner.user.pk).update(name="+49 30")
    (row,) = as_csv(exported(cast))
    assert (row["error"], row["error_code"], row["crew_name"]) == ("'=1+1", "'-2", '\'@SUM(A1),"x"\n')
    assert row["by"] == "'+49 30"
    assert row["tags"] == '{"a": "=1"}'
    assert as_json(exported(cast))[0]["error"] == "=1+1"
    for begins in ("\n=1", "＝1", "＋1", "－1", "＠SUM(A1)"):  # as spreadsheets of East Asia read them
        make_run(cast.owner, crew, state=RunState.FAILED, error=begins)
        assert as_csv(exported(cast))[0]["error"] == f"'{begins}"


def test_long_errors_are_cut_with_a_mark(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew, state=RunState.FAILED, error="é" * 9_000)
    assert as_csv(exported(cast))[0]["error"] == "é" * 1_999 + "…"


def test_columns_stay_as_programs_know_them() -> None:
    assert ",".join(COLUMNS) == (
        "run,crew,crew_name,version,state,simulated,launched_at,started_at,finished_at,seconds,cost_usd,known_cost_usd,"
        "unpriced_calls,prompt_tokens,cached_prompt_tokens,cache_write_tokens,completion_tokens,reasoning_tokens,"
        "total_tokens,calls,waste_usd,by,tags,error_code,error"
    )


def test_more_runs_than_a_file_may_have_are_refused_before_it_is_begun(
    cast: Cast, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 8)
    with pytest.raises(Invalid, match="Narrow"):
        begin(cast.viewer, EVERYTHING, "newest")
    assert len(exported(cast, "status:succeeded")) == 7


def test_a_batch_that_takes_too_long_is_given_up(cast: Cast, runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    export = begin(cast.viewer, EVERYTHING, "newest")
    monkeypatch.setattr(reading, "BATCH_SECONDS", 0.0)
    with pytest.raises(Invalid, match="too long"):
        next(batches(export))
