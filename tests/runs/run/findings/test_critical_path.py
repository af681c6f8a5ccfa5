"""Which tasks decided how long a run took, and what each was kept back by."""

from __future__ import annotations

import pytest

from engine.spec.crew_spec import CrewSpec
from engine.spec.plan import make_plan
from runs.run.findings.critical_path import Span, Stretch, critical_path, stretches
from runs.run.findings.held_back import HeldBack, held_back
from tests.engine.crews import crew, task


def ran(**spans: tuple[float, float]) -> dict[str, Span]:
    return {key: Span(round(start * 1e6), round(stop * 1e6)) for key, (start, stop) in spans.items()}


def path_of(spec: CrewSpec, tasks: dict[str, Span]) -> list[str]:
    return critical_path(tasks, make_plan(spec).waits_for)


FAN_IN = crew(task("a", async_execution=True), task("b", async_execution=True), task("c", context=("a", "b")))


def test_the_slower_of_two_that_are_waited_for_is_on_the_path() -> None:
    assert path_of(FAN_IN, ran(a=(0, 3), b=(0, 5), c=(5, 6))) == ["b", "c"]
    assert path_of(FAN_IN, ran(a=(0, 7), b=(0, 5), c=(7, 8))) == ["a", "c"]


def test_a_task_that_nobody_waits_for_is_the_path_if_it_ends_last() -> None:
    spec = crew(task("a"), task("b"), task("late", async_execution=True, context=()))
    assert path_of(spec, ran(a=(0, 1), b=(1, 2), late=(0, 9))) == ["late"]


def test_the_path_goes_through_tasks_that_were_skipped() -> None:
    spec = crew(task("a"), task("b", condition={"task": "a", "contains": "x"}), task("c", context=("b",)))
    assert path_of(spec, ran(a=(0, 4), c=(4, 5))) == ["a", "c"]


def test_nothing_has_begun() -> None:
    assert path_of(FAN_IN, {}) == []
    assert stretches([], {}, 5) == [Stretch("", 0, 5)]


def test_time_between_tasks_is_the_crews() -> None:
    found = stretches(["a", "b"], {"a": Span(2, 5), "b": Span(6, 9)}, 10)
    assert found == [
        Stretch("", 0, 2),
        Stretch("a", 2, 5),
        Stretch("", 5, 6),
        Stretch("b", 6, 9),
        Stretch("", 9, 10),
    ]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (crew(task("a"), task("b", context=("a",))), "reads"),
        (crew(task("a"), task("b")), "order"),
        (crew(task("a"), task("b", context=())), "in_line"),
        (crew(task("a"), task("b", context=(), condition={"task": "a", "contains": "x"})), "condition"),
    ],
    ids=["reads", "order", "in_line", "condition"],
)
def test_why_a_task_came_after_another(spec: CrewSpec, why: str) -> None:
    found = held_back("b", ran(a=(0, 2), b=(2.5, 3)), make_plan(spec), spec)
    assert found == HeldBack("a", why, 500)


def test_what_a_task_does_not_wait_for_did_not_hold_it_back() -> None:
    plan = make_plan(FAN_IN)
    assert held_back("b", ran(a=(0, 2), b=(0, 3)), plan, FAN_IN) == HeldBack("", "", 0)
    assert held_back("c", ran(a=(0, 2), b=(0, 3), c=(3, 4)), plan, FAN_IN) == HeldBack("b", "reads", 0)


def test_through_a_skipped_task_it_is_said_after_whom() -> None:
    spec = crew(task("a"), task("b", condition={"task": "a", "contains": "x"}), task("c", context=("b",)))
    assert held_back("c", ran(a=(0, 4), c=(4, 5)), make_plan(spec), spec) == HeldBack("a", "reads", 0)
