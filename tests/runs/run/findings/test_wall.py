"""The split of the wall time: it sums to the whole to the millisecond, whatever ran at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.run.findings.critical_path import Span, critical_path, stretches
from runs.run.findings.wall import COUNTS_FIRST, MODELS, OWN, PEOPLE, RATE, SET_ASIDE, TOOLS, Doing, union, wall_parts

S = 1_000_000
KEYS = "abcd"
moments = st.integers(0, 90 * S)
spans = st.tuples(moments, moments).map(lambda two: Span(min(two), max(two)))
doings = st.lists(st.builds(Doing, st.sampled_from([*KEYS, ""]), st.sampled_from(COUNTS_FIRST), spans), max_size=12)
waits = st.fixed_dictionaries({key: st.frozensets(st.sampled_from(KEYS), max_size=3) for key in KEYS})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(KEYS), spans), waits, doings, st.integers(0, 100 * S), st.integers(0, 99_999))
def test_the_parts_sum_to_the_whole_and_none_is_negative(
    tasks: dict[str, Span], waits_for: dict[str, frozenset[str]], doings: list[Doing], paused: int, ms: int
) -> None:
    path = stretches(critical_path(tasks, waits_for), tasks, 60 * S)
    parts = wall_parts(path, doings, ms=ms, paused=paused)
    assert sum(parts.values()) == ms
    assert min(parts.values()) >= 0


@given(st.dictionaries(st.sampled_from(KEYS), spans, min_size=1), waits, moments)
def test_the_path_covers_all_of_the_time_without_gaps(
    tasks: dict[str, Span], waits_for: dict[str, frozenset[str]], end: int
) -> None:
    path = stretches(critical_path(tasks, waits_for), tasks, end)
    assert [one.start for one in path] == [0, *(one.stop for one in path[:-1])][: len(path)]
    assert sum(one.stop - one.start for one in path) == end
    assert all(one.stop > one.start for one in path)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(spans, doings)
def test_each_moment_counts_once_by_brute_force(span: Span, doings: list[Doing]) -> None:
    """Against a reckoning from edge to edge: between two edges nothing changes."""
    path = stretches(["a"], {"a": span}, 90 * S)
    inner = [one for doing in doings for one in (doing.span.start, doing.span.stop)]
    edges = sorted({0, 90 * S, span.start, span.stop, *inner})
    expected: dict[str, int] = dict.fromkeys((*COUNTS_FIRST, OWN), 0)
    for start, stop in pairwise(edges):
        task = "a" if span.start <= start < span.stop else ""
        going_on = {d.kind for d in doings if d.task == task and d.span.start <= start < d.span.stop}
        expected[next((kind for kind in COUNTS_FIRST if kind in going_on), OWN)] += stop - start
    found = wall_parts(path, doings, ms=90 * S)
    assert {kind: found[kind] for kind in expected} == expected


def parts_of(*doings: Doing, tasks: Any = None, paused: int = 0, end: int = 10) -> dict[str, int]:
    tasks = tasks or {"a": Span(0, end * S)}
    path = stretches(critical_path(tasks, {"b": frozenset("a")}), tasks, end * S)
    found = wall_parts(path, doings, ms=end * 1000, paused=paused * S)
    return {kind: ms for kind, ms in found.items() if ms}


def doing(kind: str, start: float, stop: float, task: str = "a") -> Doing:
    return Doing(task, kind, Span(round(start * S), round(stop * S)))


class TestWhatCounts:
    def test_a_co_workers_model_counts_within_the_tool_call_that_asked_it(self) -> None:
        found = parts_of(doing(TOOLS, 1, 9), doing(RATE, 2, 3), doing(MODELS, 3, 7))
        assert found == {TOOLS: 3000, RATE: 1000, MODELS: 4000, OWN: 2000}

    def test_two_models_at_once_count_once(self) -> None:
        assert parts_of(doing(MODELS, 0, 6), doing(MODELS, 4, 9)) == {MODELS: 9000, OWN: 1000}

    def test_what_runs_beside_the_critical_path_does_not_count(self) -> None:
        tasks = {"a": Span(0, 4 * S), "b": Span(4 * S, 10 * S), "c": Span(0, 5 * S)}
        found = parts_of(doing(MODELS, 0, 5, "c"), doing(MODELS, 4, 10, "b"), tasks=tasks)
        assert found == {OWN: 4000, MODELS: 6000}

    def test_of_a_pause_what_people_took_is_theirs_and_the_rest_is_set_aside(self) -> None:
        assert parts_of(doing(PEOPLE, 2, 5), paused=5) == {PEOPLE: 3000, SET_ASIDE: 2000, OWN: 5000}

    def test_a_pause_takes_no_more_than_there_is(self) -> None:
        assert parts_of(doing(MODELS, 0, 9), paused=7) == {MODELS: 9000, SET_ASIDE: 1000}

    def test_no_time_at_all_is_our_own(self) -> None:
        assert wall_parts([], [], ms=0)[OWN] == 0


@given(st.lists(spans, max_size=8))
def test_a_union_is_what_at_least_one_span_covers(several: list[Span]) -> None:
    edges = sorted({edge for span in several for edge in (span.start, span.stop)})
    covered = sum(
        stop - start for start, stop in pairwise(edges) if any(span.start <= start < span.stop for span in several)
    )
    assert union(several) == covered
