"""The rules of order: what waits for what in each process."""

from __future__ import annotations

import time

import pytest

from engine.spec.plan import find_cycle, make_plan
from tests.engine.crews import crew, task


def waits(spec: object) -> dict[str, set[str]]:
    return {key: set(others) for key, others in make_plan(spec).waits_for.items()}  # type: ignore[arg-type]


def test_synchronous_tasks_run_in_listed_order_and_read_all_before_them() -> None:
    spec = crew(task("a"), task("b"), task("c"))
    assert waits(spec) == {"a": set(), "b": {"a"}, "c": {"a", "b"}}
    assert make_plan(spec).context["c"] == ("a", "b")


def test_an_empty_context_reads_nothing_but_a_synchronous_task_keeps_its_place() -> None:
    plan = make_plan(crew(task("a"), task("b", context=())))
    assert plan.context["b"] == ()
    assert plan.waits_for["b"] == {"a"}


def test_asynchronous_neighbours_run_at_once() -> None:
    spec = crew(*(task(key, async_execution=True) for key in "abc"), task("d"))
    assert waits(spec) == {"a": set(), "b": set(), "c": set(), "d": {"a", "b", "c"}}


def test_an_asynchronous_task_reads_what_the_last_synchronous_one_before_it_settled() -> None:
    plan = make_plan(crew(task("a", async_execution=True), task("b"), task("c", async_execution=True)))
    assert plan.context["c"] == ("a", "b")


def test_a_synchronous_task_waits_for_no_asynchronous_one_that_it_does_not_read() -> None:
    spec = crew(
        task("slow", async_execution=True), task("other", async_execution=True), task("join", context=("other",))
    )
    assert waits(spec)["join"] == {"other"}


def test_two_synchronisation_points_wait_only_for_their_own_context() -> None:
    parts = [task(key, async_execution=True, context=()) for key in "abcd"]
    e, f = task("e", context=("a", "b"), async_execution=True), task("f", context=("c", "d"), async_execution=True)
    plan = make_plan(crew(*parts, e, f, task("g", context=("e", "f"))))
    assert plan.waits_for["e"] == {"a", "b"}
    assert plan.waits_for["f"] == {"c", "d"}
    assert len(plan.critical_path(dict.fromkeys("abcdefg", 10.0))) == 3


def test_in_a_parallel_crew_only_context_counts() -> None:
    spec = crew(task("a"), task("b"), task("c", context=("a",)), process="parallel")
    assert waits(spec) == {"a": set(), "b": set(), "c": {"a"}}


def test_ready_tasks_are_those_whose_predecessors_are_done() -> None:
    plan = make_plan(crew(task("a", async_execution=True), task("b", async_execution=True), task("c")))
    assert plan.ready(done=(), started=()) == ("a", "b")
    assert plan.ready(done=("a",), started=("a", "b")) == ()
    assert plan.ready(done=("a", "b"), started=("a", "b")) == ("c",)


def test_dependents_are_all_that_read_a_task_directly_or_not() -> None:
    spec = crew(task("a", context=()), task("b", context=("a",)), task("c", context=("b",)), task("d", context=()))
    assert make_plan(spec).dependents("a") == {"b", "c"}


def test_the_critical_path_is_the_longest_chain() -> None:
    plan = make_plan(crew(task("a"), task("b"), task("c", context=("a", "b")), process="parallel"))
    assert plan.critical_path({"a": 1, "b": 5, "c": 1}) == ("b", "c")


@pytest.mark.parametrize(
    ("waits_for", "found"),
    [({"a": ["b"], "b": ["a"]}, True), ({"a": ["b"], "b": []}, False), ({"a": ["a"]}, True), ({}, False)],
)
def test_cycles_are_found(waits_for: dict[str, list[str]], found: bool) -> None:
    assert bool(find_cycle(waits_for)) is found


def test_a_chain_of_a_thousand_tasks_is_no_problem() -> None:
    chain = [task(f"t{n}", context=(f"t{n - 1}",) if n else ()) for n in range(1000)]
    assert make_plan(crew(*chain, process="parallel")).order[-1] == "t999"
    assert not find_cycle({f"t{n}": [f"t{n - 1}"] for n in range(1, 5000)})


def test_the_order_of_a_large_crew_listed_backwards_is_found_at_once() -> None:
    chain = [task(f"t{n}", context=(f"t{n + 1}",) if n < 999 else ()) for n in range(1000)]
    spec = crew(*chain, process="parallel")
    began = time.process_time()
    assert make_plan(spec).order == tuple(f"t{n}" for n in reversed(range(1000)))
    assert time.process_time() - began < 1


def test_what_lies_on_a_cycle_comes_as_listed_and_the_others_in_listed_order() -> None:
    spec = crew(
        task("a", context=("b",)), task("b", context=("a",)), task("d", context=("c",)), task("c"), process="parallel"
    )
    assert make_plan(spec).order == ("c", "d", "a", "b")


def test_a_graph_with_two_sync_points_takes_its_path_and_not_its_listed_order() -> None:
    spec = crew(
        task("a", async_execution=True, context=()),
        task("b", async_execution=True, context=()),
        task("e", context=("a", "b")),
        task("c", async_execution=True, context=()),
        task("d", async_execution=True, context=()),
        task("f", context=("c", "d")),
        task("g", context=("e", "f")),
    )
    plan = make_plan(spec)
    assert len(plan.critical_path(dict.fromkeys("abcdefg", 10.0))) == 3
    assert plan.waits_for["f"] == {"c", "d"}
