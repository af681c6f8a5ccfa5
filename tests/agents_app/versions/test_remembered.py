"""What was found of versions is found once, is the same as anew, and takes a bounded memory."""

from __future__ import annotations

from agents_app.graph.layout import layout
from agents_app.models import CrewVersion
from agents_app.versions import remembered
from agents_app.versions.remembered import diff_of_versions, graph_of_version
from agents_app.versions.spec_diff import diff_of
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec


def version(text: str, *, times: int = 1) -> CrewVersion:
    task = TaskSpec(key="t", description=text * times, expected_output="A text", agent="a")
    spec = CrewSpec(name="Crew", agents=(AgentSpec(key="a", role="A"),), tasks=(task,))
    return CrewVersion(spec=spec.to_json(), content_hash=spec.content_hash)


def test_a_difference_is_found_once_and_is_that_of_the_specs() -> None:
    old, new = version("the one "), version("the other ")
    found = diff_of_versions(old, new)
    assert found == diff_of(CrewSpec.from_json(old.spec), CrewSpec.from_json(new.spec))
    assert diff_of_versions(version("the one "), version("the other ")) is found
    assert diff_of_versions(new, old) != found


def test_of_long_texts_nothing_is_kept() -> None:
    old, new = version("a ", times=30_000), version("b ", times=30_000)
    assert diff_of_versions(old, new) is not diff_of_versions(old, new)


def test_a_graph_is_kept_for_each_width() -> None:
    drawn = version("the one ")
    spec = CrewSpec.from_json(drawn.spec)
    wide, narrow = (graph_of_version(drawn, spec, width=width) for width in (420, 340))
    assert wide == layout(spec, width=420) != narrow == layout(spec, width=340)
    assert graph_of_version(drawn, spec, width=420) is wide


def test_the_last_ones_are_kept() -> None:
    memory = remembered.Memory[object](lambda _: True, most=2)
    first, second = memory.of(1, object), memory.of(2, object)
    assert memory.of(1, object) is first
    third = memory.of(3, object)  # for which the one goes that was asked for longest ago
    assert (memory.of(1, object), memory.of(3, object)) == (first, third)
    assert memory.of(2, object) is not second
