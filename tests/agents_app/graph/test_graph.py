"""The drawing of a crew: every task once, lines downwards, nothing outside, few crossings; also for broken drafts."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents_app.graph.layout import MAX_TASKS, Graph, Node, layout
from agents_app.graph.ranks import arranged, crossings
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec

WIDTHS = [620.0, 340.0]


def crew(tasks: dict[str, list[str] | None], *, process: str = "parallel", asynchronous: str = "") -> CrewSpec:
    return CrewSpec(
        name="Crew",
        process=process,
        agents=(AgentSpec(key="a", role="Senior analyst of very many things", llm="gpt-4o"),),
        tasks=tuple(
            TaskSpec(
                key=key,
                description="D",
                agent="a",
                context=None if context is None else tuple(context),
                async_execution=key in asynchronous,
            )
            for key, context in tasks.items()
        ),
    )


TWO_SYNC_POINTS = {"a": [], "b": [], "c": [], "d": [], "e": ["a", "b"], "f": ["c", "d"], "g": ["e", "f"]}
SHAPES = {
    "one": crew({"only": []}),
    "chain": crew(dict.fromkeys("abcd"), process="sequential"),
    "fan": crew({"a": [], "b": [], "c": [], "d": ["a", "b", "c"]}),
    "diamond": crew({"a": [], "b": ["a"], "c": ["a"], "d": ["a", "b", "c"]}),
    "two sync points": crew(TWO_SYNC_POINTS, process="sequential", asynchronous="abcd"),
    "wide": crew({"s": [], **{f"p{n}": ["s"] for n in range(12)}, "t": [f"p{n}" for n in range(12)]}),
    "forty": crew({f"t{n}": [f"t{m}" for m in range(max(0, n - 8), n) if (n * m) % 3 == 1] for n in range(40)}),
    "everything": crew({f"t{n}": [f"t{m}" for m in range(n)] for n in range(12)}),
}


def nodes(graph: Graph) -> dict[str, Node]:
    return {node.key: node for node in graph.nodes}


def points(d: str) -> list[tuple[float, float]]:
    """The end points of a path's parts; V gives only a height."""
    found: list[tuple[float, float]] = []
    for command, rest in re.findall(r"([MCV])([^MCV]*)", d):
        numbers = [float(number) for number in rest.split()]
        found.append((found[-1][0], numbers[0]) if command == "V" else (numbers[-2], numbers[-1]))
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES.keys())
def test_boxes_do_not_touch_and_nothing_stands_outside(spec: CrewSpec, width: float) -> None:
    graph = layout(spec, width=width)
    assert [node.key for node in graph.nodes] == [task.key for task in spec.tasks]
    for index, one in enumerate(graph.nodes):
        assert 0 <= one.x <= one.x + one.w <= width + 0.01
        assert 0 <= one.y <= one.y + one.h <= graph.height
        for other in graph.nodes[index + 1 :]:
            beside = one.x + one.w <= other.x + 0.01 or other.x + other.w <= one.x + 0.01
            assert beside or one.y + one.h <= other.y or other.y + other.h <= one.y
    for edge in graph.edges:
        assert all(0 <= x <= width and 0 <= y <= graph.height for x, y in points(edge.d))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["fan", "diamond", "two sync points", "wide", "forty", "everything"])
def test_lines_leave_below_reach_above_and_pass_no_other_box(name: str, width: float) -> None:
    graph = layout(SHAPES[name], width=width)
    at = nodes(graph)
    for edge in graph.edges:
        path = points(edge.d)
        source, target = at[edge.source], at[edge.target]
        assert source.x <= path[0][0] <= source.x + source.w
        assert path[0][1] == pytest.approx(source.y + source.h, abs=0.1)
        assert target.x <= path[-1][0] <= target.x + target.w
        assert path[-1][1] == pytest.approx(target.y, abs=0.1)
        for (x, y), (_, lower) in zip(path[1:-1:2], path[2:-1:2], strict=True):
            row = [box for box in graph.nodes if box.y == pytest.approx(y, abs=0.1)]
            assert lower == pytest.approx(row[0].y + row[0].h, abs=0.1)
            assert not any(box.x < x < box.x + box.w for box in row)


@pytest.mark.parametrize("name", ["fan", "diamond", "two sync points", "wide"])
def test_shapes_that_can_be_drawn_without_crossings_are(name: str) -> None:
    spec = SHAPES[name]
    lines = [(source, task.key) for task in spec.tasks for source in task.context or ()]
    rows = arranged([task.key for task in spec.tasks], lines, most=12)
    down: dict[str, list[str]] = {}
    for way in rows.ways.values():
        for upper, lower in pairwise(way):
            down.setdefault(upper, []).append(lower)
    assert crossings(rows.rows, down) == 0


def test_the_rows_are_the_waves_in_which_tasks_can_run() -> None:
    at = nodes(layout(crew(TWO_SYNC_POINTS), width=620))
    rows = {key: node.y for key, node in at.items()}
    assert rows["a"] == rows["b"] == rows["c"] == rows["d"] < rows["e"] == rows["f"] < rows["g"]


def test_a_diamond_is_symmetrical() -> None:
    at = nodes(layout(SHAPES["diamond"], width=620))
    middle = {key: node.x + node.w / 2 for key, node in at.items()}
    assert middle["a"] == pytest.approx(310)
    assert middle["d"] == pytest.approx(310)
    assert middle["b"] + middle["c"] == pytest.approx(620)


def test_written_context_and_mere_order_are_told_apart_and_what_longer_ways_tell_is_left_out() -> None:
    graph = layout(crew({"a": None, "b": [], "c": ["a"], "d": []}, process="sequential"), width=620)
    assert {(edge.source, edge.target): edge.explicit for edge in graph.edges} == {
        ("a", "b"): False,
        ("a", "c"): True,
        ("b", "d"): False,
        ("c", "d"): False,
    }


def test_boxes_say_title_role_model_and_whether_they_are_asynchronous() -> None:
    graph = layout(crew({"find_facts": [], "tell": ["find_facts"]}, asynchronous="find_facts"), width=340)
    first = graph.nodes[0]
    assert (first.title, first.agent, first.model, first.asynchronous) == (
        "Find facts",
        "Senior analyst of very many things",
        "gpt-4o",
        True,
    )
    assert first.short_title == "Find facts"
    assert first.short_agent.endswith("…")
    assert len(first.short_agent) < len(first.agent)


def test_cycles_unknown_tasks_and_missing_agents_of_a_draft_are_drawn_as_far_as_they_go() -> None:
    spec = CrewSpec(
        name="Draft",
        process="sequential",
        tasks=(
            TaskSpec(key="a", description="", context=("c", "nowhere")),
            TaskSpec(key="b", description="", agent="nobody", context=("a",)),
            TaskSpec(key="c", description="", context=("b", "c")),
        ),
    )
    graph = layout(spec)
    assert len(graph.nodes) == 3
    assert ("c", "a") in {(edge.source, edge.target) for edge in graph.edges}
    assert {node.agent for node in graph.nodes} == {""}


def test_a_crew_without_tasks_is_an_empty_drawing() -> None:
    graph = layout(CrewSpec(name="Empty"))
    assert (graph.nodes, graph.edges) == ((), ())


def test_a_thumbnail_is_small() -> None:
    graph = layout(SHAPES["two sync points"], width=300, compact=True)
    assert graph.height < 160
    assert {node.h for node in graph.nodes} == {14}


@pytest.mark.parametrize("process", ["sequential", "parallel"])
@pytest.mark.parametrize("everything", [True, False])
def test_large_crews_are_laid_out_in_a_moment(process: str, everything: bool) -> None:
    tasks = {f"t{n}": [f"t{m}" for m in range(n)] if everything else None for n in range(150)}
    start = time.process_time()  # other programs of a busy machine do not count
    layout(crew(tasks, process=process))
    assert time.process_time() - start < 3


@given(
    st.lists(st.none() | st.lists(st.integers(0, 14), max_size=4), max_size=14),
    st.sampled_from(["sequential", "parallel", "hierarchical"]),
    st.sampled_from([620.0, 340.0, 120.0]),
    st.booleans(),
)
@settings(max_examples=60)
def test_any_draft_can_be_drawn(contexts: list[list[int] | None], process: str, width: float, compact: bool) -> None:
    tasks = {f"t{n}": None if c is None else [f"t{m}" for m in c] for n, c in enumerate(contexts)}
    graph = layout(crew(tasks, process=process, asynchronous="t1t4"), width=width, compact=compact)
    assert {node.key for node in graph.nodes} == set(tasks)
    for edge in graph.edges:
        assert {edge.source, edge.target} <= set(tasks)
    for node in graph.nodes:
        assert node.x >= -0.01
        assert node.x + node.w <= width + 0.01


@pytest.mark.parametrize(
    ("count", "reads", "why"),
    [
        (MAX_TASKS + 1, 1, "151 tasks"),
        (40, 39, "780 lines between its tasks"),
    ],
)
def test_what_nobody_could_tell_apart_is_not_drawn(count: int, reads: int, why: str) -> None:
    tasks = {f"t{n}": [f"t{other}" for other in range(max(0, n - reads), n)] for n in range(count)}
    graph = layout(crew(tasks))
    assert (graph.nodes, graph.edges, graph.not_drawn) == ((), (), why)


@pytest.mark.parametrize("reads", [1, 2, MAX_TASKS])
def test_the_largest_drawings_are_made_at_once(reads: int) -> None:
    count = MAX_TASKS if reads < MAX_TASKS else 28  # 28 that read all before them make 378 lines
    tasks = {f"t{n}": [f"t{other}" for other in range(max(0, n - reads), n)] for n in range(count)}
    began = time.thread_time()
    assert len(layout(crew(tasks)).nodes) == count
    assert time.thread_time() - began < 2  # 0.1 s where nothing else is to be done
