"""The crew's own JSON comes back exactly, and what does not fit is named with its line."""

import json

import pytest

from agents_app.formats import Imported, read, read_files
from engine.spec.crew_spec import AgentSpec, CrewSpec, RegexGuardrail, TaskSpec, ToolSpec

CREW = CrewSpec(
    name="Ours",
    agents=(AgentSpec(key="a", role="R {x}", tools=(ToolSpec(name="scrape_website", config={"website_url": "u"}),)),),
    tasks=(
        TaskSpec(
            key="t", description="D", agent="a", context=(), guardrails=(RegexGuardrail(pattern="x", forbid=True),)
        ),
        TaskSpec(key="u", description="E", agent="a", context=("t",), tools=()),
    ),
    process="parallel",
    inputs={"x": "1"},
)


def errors(imported: Imported) -> list[tuple[int | None, str]]:
    return [(note.line, note.message) for note in imported.report if note.level == "error"]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_spec_comes_back_as_it_was(indent: int | None) -> None:
    assert read(json.dumps(CREW.to_json(), indent=indent)).spec == CREW


def test_an_answer_of_the_api_can_be_pasted_as_it_is() -> None:
    imported = read(json.dumps({"crew": {"slug": "ours", "spec": CREW.to_json()}, "report": []}))
    assert imported.spec == CREW
    assert any("crew.spec" in note.message for note in imported.report)


def test_every_field_that_does_not_fit_is_named_with_its_line() -> None:
    text = """{
  "name": "x",
  "agents": [
    {"key": "Bad Key", "role": "r",
     "colour": 1}
  ],
  "tasks": [
    {"key": "t", "agent": "a",
     "description": 5,
     "guardrails": [{"kind": "length",
                     "min_words": -1}]}
  ]
}"""
    assert errors(read(text)) == [
        (4, "agents[0].key: a key has lower-case letters, digits and underscores only, at most 64."),
        (5, "agents[0].colour: there is no such field."),
        (9, "tasks[0].description: input should be a valid string."),
        (11, "tasks[0].guardrails[0].length.min_words: input should be greater than or equal to 0."),
    ]


def test_lines_of_an_answer_of_the_api_count_from_the_top() -> None:
    assert errors(read('{\n"spec": {\n"name": "x",\n"tasks": [\n{"key": "T"}]}}'))[0][0] == 5


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ('{"agents": [], "tasks": [,]}', 1, "expecting value (line 1, column 26)"),
        ('{"agents": [],\n"tasks": []\n', 3, "expecting ',' delimiter"),
        ('{"agents": [], "agents": [], "tasks": []}', 1, "given twice in one object (line 1, column 16)"),
        ('{"name": "x", "tasks": [], "max_rpm": NaN}', 1, "NaN"),
        ('{"name": "x", "tasks": [], "max_rpm": 1e999}', 1, "too large"),
        ('{"name": "x\\u0000", "tasks": []}', 1, "NUL"),
        ('{"name": "x\\ud800", "tasks": []}', 1, "half of a character"),
        ("[1, 2]", 1, "not a crew"),
        ('{"hello": 1}', 1, "not a crew"),
        ("[" * 100_000, 1, "nested"),
        ('// a crew\n{"crew": "none"}', 1, "not a crew"),
    ],
)
def test_other_json_is_refused_with_a_reason(text: str, line: int | None, part: str) -> None:
    imported = read(text)
    assert imported.spec is None
    ((at, message),) = errors(imported)
    assert at == line
    assert part in message


CHECKED = {
    "crew.jsonc": """{"name": "Checked", "agents": ["clerk"], "tasks": [
  {"name": "draft", "description": "D", "expected_output": "E", "agent": "clerk",
   "guardrails": [{"python": "crew_code.short"}, {"python": "crew_code.asked"}, {"python": "crew_code.own"}]},
  {"name": "final", "description": "D", "expected_output": "E", "agent": "clerk", "type": "ConditionalTask",
   "condition": {"python": "crew_code.if_final"}}]}""",
    "crew_code.py": """
from crewai import TaskOutput
from crewai.tasks.llm_guardrail import LLMGuardrail
def length_check(max_words=None): return lambda output: (True, output.raw)
def condition_check(looked_at, contains=None): return True
def own(output): return True, output.raw
short = length_check(max_words=9)
asked = LLMGuardrail(description="Is it kind?", llm="gpt-4o")
def if_final(output: TaskOutput) -> bool:
    return condition_check(output, contains="yes")
""",
    "agents/clerk.jsonc": """{"role": "R", "goal": "G", "backstory": "B", "tools": ["custom:search", "custom:mine"],
  "mcps": [{"url": "https://mcp.example/x", "headers": {"Authorization": "Bearer t"},
            "tool_filter": {"type": "static", "allowed_tool_names": ["find"]}}, "https://mcp.example/y"]}""",
    "tools/search.py": """
import crewai_tools
class Search(crewai_tools.SerperDevTool):
    def __init__(self) -> None:
        super().__init__(n_results=3)
""",
    "tools/mine.py": "from crewai.tools import BaseTool\nclass Mine(BaseTool):\n    name: str = 'mine'\n",
}


def test_what_json_has_in_its_python_is_read_with_it() -> None:
    result = read_files(CHECKED)
    assert result.spec is not None
    draft, final = result.spec.tasks
    assert [rail.kind for rail in draft.guardrails] == ["length", "question"]
    assert final.condition is not None
    assert (final.condition.task, final.condition.contains) == ("draft", "yes")
    tools = [(tool.name, tool.config) for tool in result.spec.agents[0].tools]
    server = {"url": "https://mcp.example/x", "tools": ["find"]}
    assert tools == [("web_search", {"n_results": 3}), ("mcp", server)]
    messages = [note.message for note in result.report]
    for part in (
        "the guardrail `own` was left out",
        "the tool `mine` was left out",
        "headers of the MCP server was left out",
        "left out were https://mcp.example/y",
    ):
        assert any(part in message for message in messages), (part, messages)
    assert not any("Bearer" in message for message in messages)
