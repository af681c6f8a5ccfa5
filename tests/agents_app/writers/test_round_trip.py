"""Exported and imported again, a crew of any kind is the same crew, but for what the table of attributes says."""

from __future__ import annotations

import ast
import json

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from agents_app.formats import read, read_files
from agents_app.writers import Exported, export
from engine.spec.crew_spec import AgentSpec, CrewSpec, LLMSpec, TaskSpec
from tests.agents_app.writers.random_specs import specs, wild_schemas
from tests.agents_app.writers.same import in_json, meaning

FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # to make a failing crew smaller takes minutes
    suppress_health_check=list(HealthCheck),
)


def imported(exported: Exported) -> CrewSpec:
    found = read_files(dict(exported.files))
    assert found.spec is not None, found.report
    return found.spec


@FEW
@given(specs())
def test_a_crew_of_any_kind_comes_back_as_it_was(spec: CrewSpec) -> None:
    for form in ("python", "yaml"):
        exported = export(spec, form)
        expected = meaning(spec, exported=True, remarks=exported.remarks)
        assert meaning(imported(exported), exported=False) == expected, form
    ours = export(spec, "json")
    assert imported(ours) == spec
    assert ours.remarks == ()


@FEW
@given(specs())
def test_a_crew_of_any_kind_comes_back_from_json(spec: CrewSpec) -> None:
    pytest.importorskip("agents_app.formats.crewai_json")
    exported = export(spec, "jsonc")
    expected = meaning(spec, exported=True, remarks=exported.remarks)
    assert in_json(meaning(imported(exported), exported=False)) == in_json(expected)


@FEW
@given(specs(schemas=wild_schemas))
def test_whatever_a_crew_holds_its_files_can_be_read_by_their_programs(spec: CrewSpec) -> None:
    for form in ("python", "yaml", "jsonc", "json"):
        for path, text in export(spec, form).files.items():
            text.encode()
            assert not set(text) & {"\r", "\x85", "\u2028", "\u202e", "\x0c"}, path
            if path.endswith(".py"):
                compile(text, path, "exec")
                names = [node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
                assert "__import__" not in names
            elif path.endswith(".yaml"):
                assert isinstance(yaml.safe_load(text), dict)
            else:
                lines = [line for line in text.split("\n") if not line.startswith("//")]
                json.loads("\n".join(lines))


def test_what_was_imported_goes_out_and_comes_in_again_without_a_difference() -> None:
    spec = read(SOURCE).spec
    assert spec is not None
    for form in ("python", "yaml"):
        exported = export(spec, form)
        assert exported.remarks == (), form
        assert imported(exported) == spec, form
        again = export(imported(exported), form)
        assert again.files == exported.files


def test_plain_names_in_braces_that_look_alike_keep_their_letters() -> None:
    goal = "Write {{Ab}}, {{ab}}, {{Ab}} and {{aB}}."
    llm = LLMSpec(model="gpt-4o")
    writer = AgentSpec(key="writer", role="r", goal=goal, backstory="b", llm=llm)
    task = TaskSpec(key="task", description="d", expected_output="e", agent="writer")
    spec = CrewSpec(name="Alike", agents=(writer,), tasks=(task,))
    (text,) = export(spec, "python").files.values()
    tree = ast.parse(text)
    kept = next(ast.literal_eval(node.value) for node in ast.walk(tree) if _is_called(node, "inputs"))
    there = next(ast.literal_eval(part.value) for part in ast.walk(tree) if getattr(part, "arg", "") == "goal")
    for name, value in kept.items():
        there = there.replace(f"{{{name}}}", value)
    assert there == goal.replace("{{", "{").replace("}}", "}")


def test_a_list_at_the_top_of_an_output_is_a_class_and_comes_back() -> None:
    entry = {"type": "object", "title": "Bee", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    schema = {"type": "array", "minItems": 1, "items": entry, "title": "Bees", "description": "All of them."}
    agent = AgentSpec(key="agent_1", role="r", goal="g", backstory="b", llm=LLMSpec(model="gpt-4o"))
    task = TaskSpec(key="t", description="d", expected_output="e", agent="agent_1", output_schema=schema)
    spec = CrewSpec(name="Alike", agents=(agent,), tasks=(task,))
    for form in ("python", "yaml", "jsonc"):
        exported = export(spec, form)
        assert [remark.field for remark in exported.remarks] == ["tasks.t.output_schema"], form
        again = imported(exported)
        assert again.tasks[0].output_schema == schema, form
        assert again.agents[0].key == "agent_1", form


def _is_called(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name


SOURCE = '''
from crewai import LLM, Agent, Crew, Process, Task
from crewai_tools import ScrapeWebsiteTool, SerperDevTool
from pydantic import BaseModel, Field


class Finding(BaseModel):
    """One thing that was found."""
    claim: str = Field(description="in a sentence")
    trust: float = Field(0.5, ge=0, le=1)


class Findings(BaseModel):
    topic: str
    findings: list[Finding]


researcher = Agent(
    role="Researcher of {topic}",
    goal="Find what is new",
    backstory="""You read "everything":
    - papers
    - news, such as {{"a": 1}}""",
    llm=LLM(model="gpt-4o", temperature=0.2),
    tools=[SerperDevTool(), ScrapeWebsiteTool(website_url="https://example.com/{x")],
    max_iter=7,
)
editor = Agent(role="Editor", goal="Be brief", backstory="", llm="gpt-4o-mini", allow_delegation=True)
news = Task(
    description="Find news on {topic}", expected_output="A list", agent=researcher, output_pydantic=Findings,
    async_execution=True,
)
report = Task(
    name="The report", description="Write of {topic}", expected_output="A page", agent=editor, context=[news],
    guardrail="It is polite.", human_input=True,
)
crew = Crew(name="News of a topic", agents=[researcher, editor], tasks=[news, report], process=Process.sequential)
crew.kickoff(inputs={"topic": "bees"})
'''
