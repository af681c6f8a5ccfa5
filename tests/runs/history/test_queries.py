"""Reads of runs: order, paging without gaps or repeats, sums that add up, and a fixed number of queries."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from agents_app.models import Crew
from runs.history import queries as history_queries
from runs.history.filters import RunFilter
from runs.history.orders import ORDERS
from runs.history.queries import count_newer, last_runs, list_lines, list_runs, live_runs
from runs.models import Run
from runs.run import queries
from runs.run.estimates import Estimate, estimate_of
from runs.states import CallState, CostClass, RunState
from teams.refusals import Busy, Invalid
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run, make_task
from tests.pages import signed_in

pytestmark = pytest.mark.django_db
EVERYTHING = RunFilter()


def walk(cast: Cast, sort: str, limit: int) -> list[Run]:
    """All runs, page by page."""
    found, cursor = [], ""
    while True:
        page = list_runs(cast.viewer, EVERYTHING, sort=sort, cursor=cursor, limit=limit)
        found += page.items
        cursor = page.next
        if not cursor:
            return found


def test_the_newest_run_comes_first(cast: Cast, crew: Crew) -> None:
    made = [make_run(cast.owner, crew) for _ in range(3)]
    assert list_runs(cast.viewer, EVERYTHING).items == made[::-1]


def test_pages_hold_every_run_once_also_where_values_are_equal(
    cast: Cast, crew: Crew, subtests: pytest.Subtests
) -> None:
    for number in range(7):
        make_run(cast.owner, crew, usd=number // 3, seconds=number // 2 + 0.1234567, prompt_tokens=number // 4)
    make_run(cast.owner, crew, state=RunState.RUNNING)
    every = set(Run.objects.values_list("pk", flat=True))
    for sort, limit in product(ORDERS, (1, 2, 3, 100)):
        with subtests.test(sort=sort, limit=limit):
            walked = walk(cast, sort, limit)
            assert len(walked) == 8
            assert {run.pk for run in walked} == every


def test_lines_are_the_same_runs_in_the_same_order(cast: Cast, crew: Crew, subtests: pytest.Subtests) -> None:
    for number in range(7):
        make_run(cast.owner, crew, usd=number // 3, seconds=number // 2 + 0.5, prompt_tokens=number // 4)
    for sort in ORDERS:
        with subtests.test(sort=sort):
            runs = walk(cast, sort, 3)
            lines, cursor = [], ""
            while not lines or cursor:
                page = list_lines(cast.viewer, EVERYTHING, sort=sort, cursor=cursor, limit=3)
                lines, cursor = lines + list(page.items), page.next
            assert [(line.pk, line.took_ms, line.tokens, line.spent_nusd) for line in lines] == [
                (run.pk, run.duration_ms, run.total_tokens, run.spent_nusd) for run in runs
            ]
            assert {line.by for line in lines} == {str(cast.owner.user)}


def test_a_line_tells_a_failed_runs_error_and_else_its_inputs(cast: Cast, crew: Crew) -> None:
    failed = make_run(cast.owner, crew, state=RunState.FAILED)
    Run.objects.filter(pk=failed.pk).update(error="x" * 200, inputs={"company": "Acme"})
    long = make_run(cast.owner, crew)
    inputs = {"a": "a" * 61, "b": 2026} | {f"k{number:02}": number for number in range(30)}
    Run.objects.filter(pk=long.pk).update(inputs=inputs)
    of_inputs, of_error = list_lines(cast.viewer, EVERYTHING, sort="newest", cursor="", limit=9).items
    assert (of_error.failed, of_error.about) == (True, "x" * 159 + "…")
    assert of_inputs.about.startswith("a" * 59 + "… · 2026 · 0 · ")
    assert of_inputs.about.count(" · ") == 20
    assert of_inputs.address == f"/t/acme/runs/{long.pk}/"


@pytest.mark.parametrize(("sort", "field"), [("cost", "usd"), ("duration", "seconds"), ("tokens", "completion_tokens")])
def test_each_order_puts_the_largest_first(cast: Cast, crew: Crew, sort: str, field: str) -> None:
    small, large = (make_run(cast.owner, crew, **{field: value}) for value in (1, 2))
    middle = make_run(cast.owner, crew, **{field: 1.5} if field != "completion_tokens" else {field: 1})
    found = [run.pk for run in list_runs(cast.viewer, EVERYTHING, sort=sort).items]
    assert found[0] == large.pk
    assert found[1:] == [middle.pk, small.pk]


@pytest.mark.parametrize("wrong", [{"sort": "colour"}, {"cursor": "x"}, {"sort": "cost", "cursor": "x_y"}])
def test_an_unknown_order_or_cursor_is_refused(cast: Cast, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        list_runs(cast.viewer, EVERYTHING, **wrong)


def test_a_stranger_lists_nothing_of_ours(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    make_call(run)
    assert not list_runs(cast.stranger, EVERYTHING).items
    assert not live_runs(cast.stranger)
    assert not last_runs(cast.stranger, [crew.pk])[crew.pk]


@pytest.mark.parametrize("number", [1, 12])
def test_a_list_takes_one_query_however_long(
    cast: Cast, crew: Crew, number: int, django_assert_num_queries: Any
) -> None:
    for _ in range(number):
        make_run(cast.owner, crew)
    with django_assert_num_queries(1):
        rows = list_runs(cast.viewer, EVERYTHING).items
        assert [(run.crew.name, run.version.number, run.team.slug) for run in rows] == [
            ("Company brief", 1, "acme")
        ] * number


def test_usage_by_any_part_adds_up_to_the_calls(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew, state=RunState.RUNNING)
    figures, news = make_task(run, "figures"), make_task(run, "news", position=1)
    make_call(run, task=figures, step=0)
    make_call(run, task=figures, step=1, model="gpt-4o-mini", cost_nusd=1_000, cached_prompt_tokens=40)
    make_call(run, task=news, step=0, agent="news", cost_nusd=None)
    make_call(run, task=news, step=1, agent="news", state=CallState.ERROR, cost_class=CostClass.FAILED, cost_nusd=0)
    make_call(run, task=news, step=2, kind="tool", tool="web_search", model="", prompt_tokens=0, completion_tokens=0)
    make_call(run, step=0, agent="", cost_class=CostClass.PLANNING, purpose="planning")
    for part in ("agent", "model", "task", "cost_class"):
        rows = queries.usage_by(run, part)
        assert sum(row.calls for row in rows) == 6
        assert sum(row.spent_nusd for row in rows) == 3 * 750_000 + 1_000
        assert sum(row.total_tokens for row in rows) == 5 * 150
        assert sum(row.unpriced_calls for row in rows) == 1
        assert sum(row.successful_requests for row in rows) == 4
    keys = {part: {row.key for row in rows} for part, rows in queries.usage_of(run).items()}
    assert keys == {
        "agent": {"finance", "news", ""},
        "model": {"gpt-4o", "gpt-4o-mini", ""},
        "task": {"figures", "news", ""},
        "cost_class": {"work", "failed", "planning"},
    }


def test_an_open_call_is_not_in_the_usage_yet(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew, state=RunState.RUNNING)
    make_call(run, state=CallState.INTENT, finished_at=None, cost_nusd=None, reserved_nusd=5)
    assert queries.usage_by(run, "agent") == []


def test_calls_come_page_by_page_in_the_order_in_which_they_were_opened(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    made = [make_call(run, step=step) for step in range(5)]
    first = queries.page_of_calls(run, limit=3)
    second = queries.page_of_calls(run, cursor=first.next, limit=3)
    assert [*first.items, *second.items] == made
    assert second.next == ""


def test_an_estimate_is_the_median_of_succeeded_runs_of_the_same_kind(cast: Cast, crew: Crew) -> None:
    for seconds, usd in ((10, 0.1), (20, 0.4), (90, 0.2)):
        make_run(cast.owner, crew, seconds=seconds, usd=usd)
    make_run(cast.owner, crew, seconds=999, usd=9, simulated=True)
    make_run(cast.owner, crew, seconds=999, usd=9, state=RunState.FAILED)
    make_run(cast.owner, crew, seconds=999, usd=0, unpriced_calls=1)
    found = estimate_of(crew.pk, simulated=False)
    assert found == Estimate(
        seconds=55.0,
        cost_nusd=200_000_000,
        runs=4,
        priced_runs=3,
        least_ms=10_000,
        most_ms=999_000,
        least_nusd=100_000_000,
        most_nusd=400_000_000,
    )


def test_without_history_there_is_no_estimate(cast: Cast, crew: Crew) -> None:
    assert estimate_of(crew.pk, simulated=False) is None


def test_the_last_runs_of_many_crews_take_one_query(cast: Cast, crew: Crew, django_assert_num_queries: Any) -> None:
    other = make_crew(cast.owner)
    mine = [make_run(cast.owner, crew) for _ in range(7)]
    theirs = make_run(cast.owner, other)
    with django_assert_num_queries(1):
        last = last_runs(cast.viewer, [crew.pk, other.pk], each=5)
        assert [run.version.number for run in last[crew.pk]] == [1] * 5
    assert last == {crew.pk: mine[:1:-1], other.pk: [theirs]}


def test_neighbours_are_the_runs_of_the_same_crew_before_and_after(cast: Cast, crew: Crew) -> None:
    older = make_run(cast.owner, crew)
    make_run(cast.owner, make_crew(cast.owner))
    run, newer = make_run(cast.owner, crew), make_run(cast.owner, crew)
    assert queries.neighbours(cast.viewer, run) == (newer, older)
    assert queries.neighbours(cast.viewer, newer) == (None, run)


def test_newer_runs_are_counted_under_the_same_filter(cast: Cast, crew: Crew) -> None:
    seen = make_run(cast.owner, crew)
    make_run(cast.owner, crew)
    make_run(cast.owner, crew, state=RunState.FAILED)
    assert count_newer(cast.viewer, EVERYTHING, than=str(seen.pk)) == 2
    assert count_newer(cast.viewer, RunFilter.parse("status:failed"), than=str(seen.pk)) == 1


def test_a_filter_that_takes_too_long_says_what_to_do(cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(cast.owner, crew)
    monkeypatch.setattr(history_queries, "FILTER_SECONDS", 0.0)
    wide = RunFilter.parse("some words")
    for read in (
        lambda: list_runs(cast.viewer, wide),
        lambda: list_lines(cast.viewer, wide, sort="newest", cursor="", limit=9),
        lambda: count_newer(cast.viewer, wide, than=str(run.pk)),
    ):
        with pytest.raises(Invalid, match="Narrow it"):
            read()
    assert list_runs(cast.viewer, EVERYTHING).items == [run]
    page = signed_in(cast.viewer).get("/t/acme/runs/", {"q": "some words"})
    assert page.status_code == 422
    assert "Narrow it" in page.content.decode()


def test_filters_leave_threads_for_pages(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    places = history_queries.FILTER_PLACES
    monkeypatch.setattr(places, "_patience_s", 0.01)
    with places.one(), places.one():
        with pytest.raises(Busy):
            list_runs(cast.viewer, RunFilter.parse("word"))
        list_runs(cast.viewer, EVERYTHING)
