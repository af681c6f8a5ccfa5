"""The crew's own JSON comes back exactly, and what does not fit is named with its line."""

import json

import pytest

from agents_app.formats import Imported, read
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
