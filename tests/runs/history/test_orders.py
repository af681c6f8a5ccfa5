"""Orders of the list: each as sorting says, in pages both ways, by indexes, and the opposite one at a second click."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any, get_args

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents_app.actions import create_crew
from agents_app.models import Crew
from runs.history import api
from runs.history.columns import COLUMNS, USUAL
from runs.history.filters import RunFilter
from runs.history.orders import FIRST_ORDERS, ORDERS, column_order
from runs.history.queries import list_lines, list_runs
from runs.ledger import rollups
from runs.models import Run
from runs.paging import Page
from runs.states import RunState
from teams.models import User
from teams.refusals import Invalid
from tests.cast import Cast, brief_spec
from tests.ledger import make_run

pytestmark = pytest.mark.django_db
EVERYTHING = RunFilter()
STATES = list(RunState.values)


@pytest.fixture
def many(cast: Cast, crew: Crew) -> list[Run]:
    """Runs of three crews, in all states, by two people and by nobody, many of them with equal figures."""
    User.objects.filter(pk=cast.owner.user.pk).update(name="Zoe")
    others = [create_crew(cast.owner, name=name, spec=brief_spec()) for name in ("zebra", "An early one")]
    create_crew(cast.owner, name="Never run", spec=brief_spec())
    people = (cast.owner.user, cast.editor.user, None)
    made = []
    for number in range(18):
        made.append(
            make_run(
                cast.owner,
                [crew, *others][number % 3],
                state=STATES[number % 6],
                usd=number // 4 % 3,
                seconds=number // 3 % 2,
                prompt_tokens=number % 2,
                successful_requests=number % 5,
                created_by=people[number // 3 % 3],
                **({"started_at": None} if number == 17 else {}),
            )
        )
    make_run(cast.stranger, create_crew(cast.stranger, name="Theirs", spec=brief_spec()))
    rollups.rebuild(cast.team.pk)
    return Run.objects.filter(team=cast.team).select_related("crew", "created_by")


def in_order(runs: list[Run], sort: str) -> list[Any]:
    """As Python sorts them."""
    order = ORDERS[sort]
    if order.is_grouped:
        newest = sorted(runs, key=lambda run: run.pk, reverse=True)
        keys: dict[str, Callable[[Run], Any]] = {
            "crew": lambda run: run.crew.name.lower(),
            "state": lambda run: STATES.index(run.state),
            "created_by": lambda run: str(run.created_by or "").lower(),
        }
        found = sorted(newest, key=keys[order.key], reverse=not order.ascending)
        nobodys = [run for run in found if order.key == "created_by" and run.created_by is None]
        return [run.pk for run in [*(run for run in found if run not in nobodys), *nobodys]]
    column = order.key.removeprefix("-")
    found = sorted(runs, key=lambda run: (getattr(run, column), run.pk), reverse=not order.ascending)
    unended = [run for run in found if column != "pk" and getattr(run, column) < 0]
    return [run.pk for run in [*(run for run in found if run not in unended), *unended]]


def walk(read: Callable[[str], Page[Any]]) -> tuple[list[Any], list[Page[Any]]]:
    """The ids and the pages from the first to the last."""
    pages, cursor = [], ""
    while not pages or cursor:
        pages.append(read(cursor))
        cursor = pages[-1].next
    return [run.pk for page in pages for run in page.items], pages


def test_each_order_is_as_sorting_says_in_pages_both_ways(
    cast: Cast, many: list[Run], subtests: pytest.Subtests
) -> None:
    for sort in ORDERS:
        with subtests.test(sort=sort):
            _assert_order(cast, many, sort)


def _assert_order(cast: Cast, many: list[Run], sort: str) -> None:
    expected = in_order(many, sort)
    for limit in (4, 18):
        read = partial(list_runs, cast.viewer, EVERYTHING, sort=sort, limit=limit)
        walked, pages = walk(lambda cursor, read=read: read(cursor=cursor))
        assert walked == expected
        assert pages[0].previous == ""
        page, back = pages[-1], [run.pk for run in pages[-1].items]
        for earlier in pages[-2::-1]:
            page = read(cursor=page.previous)
            assert [run.pk for run in page.items] == [run.pk for run in earlier.items]
            back = [run.pk for run in page.items] + back
        assert back == expected
        assert page.previous == ""
    lines, _ = walk(lambda cursor: list_lines(cast.viewer, EVERYTHING, sort=sort, cursor=cursor, limit=1))
    assert lines == expected


def test_orders_and_filters_go_together(cast: Cast, many: list[Run], subtests: pytest.Subtests) -> None:
    wanted = RunFilter.parse("-status:queued crew:brief,zebra cost:<=1", cast.viewer)
    filtered = list(wanted.apply(Run.objects.filter(team=cast.team)))
    assert 3 < len(filtered) < 18
    for sort in ORDERS:
        with subtests.test(sort=sort):
            read = partial(list_runs, cast.viewer, wanted, sort=sort, limit=2)
            walked, _ = walk(lambda cursor, read=read: read(cursor=cursor))
            assert walked == in_order(filtered, sort)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(sorted(ORDERS)),
    steps=st.lists(st.sampled_from(["next", "previous", "new run", "run ends"]), max_size=6),
    limit=st.integers(1, 6),
)
def test_pages_stay_in_order_while_runs_arrive_and_end(
    cast: Cast, crew: Crew, many: list[Run], sort: str, steps: list[str], limit: int
) -> None:
    """Wherever somebody goes, a page holds neighbours of the whole list as it is then."""
    cursor = ""
    for step in steps:
        page = list_runs(cast.viewer, EVERYTHING, sort=sort, cursor=cursor, limit=limit)
        if step in ("next", "previous"):
            cursor = getattr(page, step) or cursor
        elif step == "new run":
            make_run(cast.owner, crew, state=RunState.RUNNING)
        else:
            running = Run.objects.filter(team=cast.team, state=RunState.RUNNING).first()
            if running is not None:
                now = timezone.now()
                Run.objects.filter(pk=running.pk).update(
                    state=RunState.FAILED, started_at=now - timedelta(seconds=1), finished_at=now
                )
                rollups.add(running.pk)
        found = [run.pk for run in list_runs(cast.viewer, EVERYTHING, sort=sort, cursor=cursor, limit=limit).items]
        whole = in_order(list(many.all()), sort)  # type: ignore[attr-defined]
        at = whole.index(found[0]) if found else 0
        assert found == whole[at : at + len(found)]


def test_going_back_to_a_page_that_would_be_short_shows_the_first_one_whole(cast: Cast, crew: Crew) -> None:
    made = [make_run(cast.owner, crew) for _ in range(6)][::-1]
    first = list_runs(cast.viewer, EVERYTHING, limit=3)
    second = list_runs(cast.viewer, EVERYTHING, cursor=first.next, limit=3)
    new = make_run(cast.owner, crew)
    back = list_runs(cast.viewer, EVERYTHING, cursor=second.previous, limit=3)
    assert back.items == made[:3]
    assert list_runs(cast.viewer, EVERYTHING, cursor=back.previous, limit=3).items == [new, *made[:2]]


INDEXES = {"pk": "run_team_newest", "cost": "run_dearest", "duration": "run_longest", "tokens": "run_most_tokens"} | {
    "calls": "run_most_calls",
    "waste": "run_most_waste",
    "queued": "run_queued_longest",
    "crew": "run_of_crew",
    "state": "run_in_state",
    "by": "run_launched_by",
}


def test_deep_pages_follow_an_index(cast: Cast, many: list[Run], subtests: pytest.Subtests) -> None:
    """The keyset is a condition of the index, and not a filter of what it finds."""
    for sort in ORDERS:
        if sort not in ("newest", "oldest"):
            with subtests.test(sort=sort):
                _assert_walks_by_index(cast, sort)


def _assert_walks_by_index(cast: Cast, sort: str) -> None:
    read = {"sort": sort, "limit": 3}
    cursor = list_runs(cast.viewer, EVERYTHING, **read).next
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            page = list_runs(cast.viewer, EVERYTHING, cursor=cursor, **read)
        walks = [query["sql"] for query in asked.captured_queries if "ROW(" in query["sql"] or ") < (" in query["sql"]]
        walks += [query["sql"] for query in asked.captured_queries if ") > (" in query["sql"]]
        plan = _plan(walks[0])
        name = INDEXES[sort.split("-", maxsplit=1)[0]]
        [condition] = [line for line in plan.split(f"using {name} ")[1].splitlines() if "Index Cond" in line][:1]
        assert "ROW(" in condition, plan
        cursor = page.previous


def _plan(sql: str) -> str:
    """As for a large table: none is read from end to end."""
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
            cursor.execute(f"SET LOCAL enable_{way} = on")
        return plan


def test_a_cursor_that_is_not_ours_is_refused(cast: Cast, crew: Crew, subtests: pytest.Subtests) -> None:
    pk = make_run(cast.owner, crew).pk
    cursors = ("x", "1_x", "before_", f"NaN_{pk}", f"1.5_{pk}", f"9999999999999999999_{pk}", f"nobody_{pk}")
    for sort, cursor in product(ORDERS, cursors):
        with subtests.test(sort=sort, cursor=cursor), pytest.raises(Invalid):
            list_runs(cast.viewer, EVERYTHING, sort=sort, cursor=cursor)


def test_figures_are_compared_exactly(cast: Cast, crew: Crew) -> None:
    """Beyond 2 to the 53rd, where a float would take neighbours for equal."""
    large = 2**53
    made = [make_run(cast.owner, crew, spent_nusd=large + more) for more in (3, 2, 1, 0)]
    walked, _ = walk(lambda cursor: list_runs(cast.viewer, EVERYTHING, sort="cost", cursor=cursor, limit=1))
    assert walked == [run.pk for run in made]


def test_a_second_click_on_a_head_turns_the_order_round() -> None:
    for column, first in FIRST_ORDERS.items():
        offered = column_order(column, "newest" if first != "newest" else "cost")
        assert offered is not None
        assert (offered.sort, offered.aria, offered.arrow) == (first, "", "")
        turned = column_order(column, first)
        assert turned is not None
        assert turned.sort == ORDERS[first].other
        assert turned.aria == ("ascending" if ORDERS[first].ascending else "descending")
        assert ORDERS[ORDERS[first].other].other == first
    assert column_order("reasoning", "cost") is None


def test_the_api_names_the_same_orders() -> None:
    assert list(get_args(api.Sort)) == list(ORDERS)


def test_first_pages_are_those_that_would_be_composed_anew(cast: Cast, many: list[Run]) -> None:
    """A filter that all runs fit is composed by Django each time, as all lists once were."""
    anew = RunFilter.parse("-crew:=nowhere", cast.owner)
    for sort, columns in product((name for name, order in ORDERS.items() if order.is_one_stretch), (USUAL, [*COLUMNS])):
        for who in (cast.owner, cast.stranger):  # by the same statement
            ask = partial(list_lines, who, sort=sort, cursor="", limit=7, columns=columns)
            first, asked = ask(EVERYTHING), ask(anew)
            assert [line.row._asdict() for line in first.items] == [line.row._asdict() for line in asked.items]
            assert (first.next, first.previous) == (asked.next, asked.previous)
            assert len(first.items) == (7 if who is cast.owner else 1)
