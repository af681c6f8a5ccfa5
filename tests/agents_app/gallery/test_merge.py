"""What changed in an original meets what changed in its copy: nothing is lost, and nobody but a person decides."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents_app.gallery.merge import Merged, merge
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from tests.cast import brief_spec

BASE = brief_spec()


def with_task(spec: CrewSpec, key: str, **fields: Any) -> CrewSpec:
    tasks = (task.model_copy(update=fields) if task.key == key else task for task in spec.tasks)
    return spec.model_copy(update={"tasks": tuple(tasks)})


def with_agent(spec: CrewSpec, key: str, **fields: Any) -> CrewSpec:
    agents = (agent.model_copy(update=fields) if agent.key == key else agent for agent in spec.agents)
    return spec.model_copy(update={"agents": tuple(agents)})


def with_model(spec: CrewSpec, key: str, **fields: Any) -> CrewSpec:
    agent = spec.agent(key)
    assert agent is not None
    return with_agent(spec, key, llm=agent.llm.model_copy(update=fields))


def with_order(spec: CrewSpec, *keys: str) -> CrewSpec:
    return spec.model_copy(update={"tasks": tuple(task for key in keys if (task := spec.task(key)) is not None)})


def without(spec: CrewSpec, key: str) -> CrewSpec:
    return spec.model_copy(update={"tasks": tuple(task for task in spec.tasks if task.key != key)})


def merged(mine: CrewSpec, theirs: CrewSpec, **choices: str) -> Merged:
    named = {path.replace("__", "."): side for path, side in choices.items()}
    return merge(BASE, mine, theirs, named)


def spec_of(result: Merged) -> CrewSpec:
    assert result.open == ()
    return CrewSpec.from_json(result.data)


def test_what_one_side_changed_is_that_sides() -> None:
    mine = with_task(BASE, "brief", description="Mine")
    theirs = with_model(
        with_task(BASE, "figures", expected_output="Five figures"), "lead", model="gpt-4o", temperature=0.5
    )
    result = merged(mine, theirs)
    assert spec_of(result) == with_task(theirs, "brief", description="Mine")
    assert result.taken == 3
    assert spec_of(merged(BASE, theirs)) == theirs
    assert spec_of(merged(mine, BASE)) == mine
    assert spec_of(merged(theirs, theirs)) == theirs


def test_a_field_that_both_changed_is_decided_by_a_person_and_whole() -> None:
    mine, theirs = (with_task(BASE, "brief", description=text) for text in ("Mine", "Theirs"))
    (conflict,) = merged(mine, theirs).open
    texts = (conflict.base, conflict.mine, conflict.theirs)
    assert (conflict.path, texts) == ("tasks.brief.description", ("Write a brief on {company}.", "Mine", "Theirs"))
    assert conflict.label == "Task brief · description"
    assert spec_of(merged(mine, theirs, tasks__brief__description="mine")) == mine
    assert spec_of(merged(mine, theirs, tasks__brief__description="theirs")) == theirs
    assert merged(mine, theirs, tasks__brief__description="both").open == (conflict,)
    assert merged(mine, theirs, tasks__brief__goal="mine").open == (conflict,)


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    both = with_task(BASE, "brief", description="Ours")
    assert merged(both, both).conflicts == ()


def test_a_model_is_decided_field_by_field() -> None:
    mine, theirs = with_model(BASE, "lead", temperature=0.2), with_model(BASE, "lead", model="gpt-4o")
    assert spec_of(merged(mine, theirs)) == with_model(theirs, "lead", temperature=0.2)


def test_added_and_removed_parts() -> None:
    check = TaskSpec(key="check", description="Check it", agent="lead")
    translate = TaskSpec(key="translate", description="Translate it", agent="lead")
    mine = BASE.model_copy(update={"tasks": (*BASE.tasks, check)})
    theirs = BASE.model_copy(update={"tasks": (BASE.tasks[0], translate, *BASE.tasks[1:])})
    assert [task.key for task in spec_of(merged(mine, theirs)).tasks] == [
        "figures",
        "translate",
        "headlines",
        "brief",
        "check",
    ]
    assert spec_of(merged(BASE, without(BASE, "headlines"))) == without(BASE, "headlines")
    assert spec_of(merged(without(BASE, "headlines"), BASE)) == without(BASE, "headlines")


def test_what_one_side_removed_and_the_other_changed_is_a_conflict() -> None:
    changed, gone = with_task(BASE, "headlines", description="Ten headlines"), without(BASE, "headlines")
    (conflict,) = merged(changed, gone).open
    assert (conflict.path, conflict.theirs) == ("tasks.headlines", None)
    assert spec_of(merged(changed, gone, tasks__headlines="mine")) == changed
    assert spec_of(merged(changed, gone, tasks__headlines="theirs")) == gone
    assert spec_of(merged(gone, changed, tasks__headlines="mine")) == gone
    assert [task.key for task in spec_of(merged(gone, changed, tasks__headlines="theirs")).tasks] == [
        task.key for task in BASE.tasks
    ]


def test_an_order_is_whoevers_changed_it_and_a_conflict_if_both_did() -> None:
    mine, theirs = with_order(BASE, "headlines", "figures", "brief"), with_order(BASE, "brief", "figures", "headlines")
    assert spec_of(merged(mine, BASE)) == mine
    assert spec_of(merged(BASE, theirs)) == theirs
    assert [conflict.path for conflict in merged(mine, theirs).open] == ["tasks"]
    assert spec_of(merged(mine, theirs, tasks="theirs")) == theirs


def test_an_agent_that_is_called_as_a_field_is_not_mixed_up_with_it() -> None:
    agents = (*BASE.agents, AgentSpec(key="order", role="Clerk"))
    theirs = BASE.model_copy(update={"agents": agents, "inputs": {"agents": "x"}})
    assert spec_of(merged(BASE, theirs)) == theirs


def test_the_order_of_keys_of_a_schema_is_a_change() -> None:
    first, second = {"type": "object", "title": "T"}, {"title": "T", "type": "object"}
    base = with_task(BASE, "brief", output_schema=first)
    result = merge(base, base, with_task(base, "brief", output_schema=second), {})
    assert list(result.data["tasks"][2]["output_schema"]) == ["title", "type"]


KEYS = ["figures", "headlines", "brief", "extra"]
TEXTS = st.sampled_from(["one", "two", "three"])
EDITS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(["text", "remove", "add", "last"]), TEXTS), max_size=5
)


def edited(spec: CrewSpec, edits: list[tuple[str, str, str]]) -> CrewSpec:
    for key, kind, text in edits:
        task = spec.task(key)
        if kind == "add" and task is None:
            spec = spec.model_copy(update={"tasks": (*spec.tasks, TaskSpec(key=key, description=text))})
        elif task is not None and kind == "text":
            spec = with_task(spec, key, description=text)
        elif task is not None and kind == "remove":
            spec = without(spec, key)
        elif task is not None and kind == "last":
            spec = spec.model_copy(update={"tasks": (*without(spec, key).tasks, task)})
    return spec


@given(EDITS, EDITS, st.sampled_from(["mine", "theirs"]))
def test_whatever_both_did_the_decided_side_is_kept_and_nothing_else_is_made_up(
    mine_edits: list[tuple[str, str, str]], theirs_edits: list[tuple[str, str, str]], side: str
) -> None:
    mine, theirs = edited(BASE, mine_edits), edited(BASE, theirs_edits)
    first = merged(mine, theirs)
    result = merge(BASE, mine, theirs, {conflict.path: side for conflict in first.conflicts})
    spec = spec_of(result)
    keys = [task.key for task in spec.tasks]
    assert len(keys) == len(set(keys))
    for key in {*KEYS}:
        was, ours, other, now = (
            task and task.description for task in (BASE.task(key), mine.task(key), theirs.task(key), spec.task(key))
        )
        assert now == (ours if other in (was, ours) else other if ours == was else ours if side == "mine" else other)
    assert merge(BASE, mine, BASE, {}).data == merge(BASE, mine, mine, {}).data
    assert CrewSpec.from_json(merge(BASE, BASE, theirs, {}).data).content_hash == theirs.content_hash
    assert CrewSpec.from_json(merge(BASE, mine, BASE, {}).data).content_hash == mine.content_hash
