"""Classes of a source become JSON Schema that validators accept and that says what the class says."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agents_app.formats import Imported, read

HEAD = """
import enum
from dataclasses import dataclass
from typing import *
from pydantic import BaseModel, Field, conint, constr, conlist
from crewai import Agent, Crew, Task
"""
TAIL = """
a = Agent(role="R", goal="", backstory="")
Crew(agents=[a], tasks=[Task(description="D", expected_output="", agent=a, output_pydantic=Out)])
"""


def imported(classes: str) -> Imported:
    return read(HEAD + classes + TAIL)


def schema(classes: str) -> dict[str, Any]:
    spec = imported(classes).spec
    assert spec is not None
    found = spec.tasks[0].output_schema
    assert found is not None
    Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("list", {"type": "array"}),
        ("list[str]", {"type": "array", "items": {"type": "string"}}),
        ("List[List[int]]", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ("set[str]", {"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
        ("dict", {"type": "object"}),
        ("Dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("Optional[str]", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("str | None", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("Union[int, str, None]", {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
        ("int | str | None", {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
        ('Literal["a", "b"]', {"enum": ["a", "b"], "type": "string"}),
        ("Literal[1, 2]", {"enum": [1, 2], "type": "integer"}),
        ('Literal["a", 1]', {"enum": ["a", 1]}),
        ("Any", {}),
        ('"list[str]"', {"type": "array", "items": {"type": "string"}}),
        ("conint(ge=1, le=5)", {"type": "integer", "minimum": 1, "maximum": 5}),
        ("Annotated[str, Field(max_length=9)]", {"type": "string", "maxLength": 9}),
        (
            "tuple[int, str]",
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
    ],
)
def test_types(annotation: str, expected: dict[str, Any]) -> None:
    assert schema(f"class Out(BaseModel):\n    x: {annotation}\n")["properties"]["x"] == expected


@pytest.mark.parametrize(
    ("value", "expected", "required"),
    [
        ("", {}, True),
        ("= 3", {"default": 3}, False),
        ("= None", {}, False),
        ("= Field(...)", {}, True),
        ("= Field(..., description='how many', ge=0, lt=9)", {
            "description": "how many", "minimum": 0, "exclusiveMaximum": 9}, True),
        ("= Field(default=2, gt=1, multiple_of=2)", {"default": 2, "exclusiveMinimum": 1, "multipleOf": 2}, False),
        ("= Field(4)", {"default": 4}, False),
    ],
)  # fmt: skip
def test_defaults_and_fields(value: str, expected: dict[str, Any], required: bool) -> None:
    found = schema(f"class Out(BaseModel):\n    n: int {value}\n")
    assert found["properties"]["n"] == {"type": "integer", **expected}
    assert found.get("required", []) == (["n"] if required else [])


def test_nested_classes_enums_inheritance_and_docstrings() -> None:
    found = schema('''
class Level(str, enum.Enum):
    LOW = "low"
    HIGH = "high"

class Base(BaseModel):
    ident: str

class Part(BaseModel):
    level: Level

class Out(Base):
    """What came out."""
    parts: list[Part] = Field(default_factory=list, min_length=1)
''')
    assert found["description"] == "What came out."
    assert found["required"] == ["ident"]
    assert found["properties"]["parts"] == {
        "type": "array",
        "items": {
            "type": "object",
            "title": "Part",
            "properties": {"level": {"title": "Level", "enum": ["low", "high"], "type": "string"}},
            "required": ["level"],
        },
        "default": [],
        "minItems": 1,
    }


def test_dataclasses_and_typed_dictionaries_count_too() -> None:
    found = schema(
        "@dataclass\nclass P:\n  x: int = 1\nclass Q(TypedDict):\n  y: str\nclass Out(BaseModel):\n  p: P\n  q: Q\n"
    )
    assert found["properties"]["p"]["properties"] == {"x": {"type": "integer", "default": 1}}
    assert found["properties"]["q"]["required"] == ["y"]


def test_a_class_that_contains_itself_ends_and_is_said() -> None:
    result = imported("class Out(BaseModel):\n    children: list['Out']\n")
    assert result.spec is not None
    assert result.spec.tasks[0].output_schema == {
        "type": "object",
        "title": "Out",
        "properties": {"children": {"type": "array", "items": {"type": "object"}}},
        "required": ["children"],
    }
    assert any("contains itself" in note.message and note.line == 7 for note in result.report)


def test_an_unknown_type_allows_anything_and_is_said_at_its_line() -> None:
    result = imported("class Out(BaseModel):\n    x: int\n    y: Whatever\n")
    assert any("`Whatever`" in note.message and note.line == 9 for note in result.report)


def test_a_class_that_is_not_in_the_source_is_asked_for() -> None:
    result = read(
        "from crewai import Agent, Crew, Task\nfrom models import Report\n"
        "a = Agent(role='R', goal='', backstory='')\n"
        "t = Task(description='D', expected_output='', agent=a, output_json=Report)\nCrew(agents=[a], tasks=[t])\n"
    )
    assert result.spec is not None
    assert result.spec.tasks[0].output_schema is None
    assert any("the class `Report`" in note.message and note.line == 4 for note in result.report)


def test_the_schemas_of_the_zoo_are_valid() -> None:
    zoo = (Path(__file__).parent / "sources" / "schema_zoo.txt").read_text()
    spec = read(zoo).spec
    assert spec is not None
    found = spec.tasks[0].output_schema
    assert found is not None
    Draft202012Validator.check_schema(found)
    assert found["properties"]["identifier"] == {"type": "string", "minLength": 3, "pattern": "^[a-z]+$"}
    assert found["properties"]["count"] == {"type": "integer", "default": 1, "minimum": 1, "exclusiveMaximum": 100}
    assert "_private" not in found["properties"]
