"""What copying from pages, editors and notebooks leaves in a source is taken off, or named with its line."""

import json
from pathlib import Path

import pytest

from agents_app.formats import Imported, read

SOURCE = (Path(__file__).parent / "sources" / "inline.txt").read_text()
YAML = (Path(__file__).parent / "sources" / "agents.yaml.txt").read_text()
WANTED = read(SOURCE).spec


def error(imported: Imported) -> tuple[int | None, str]:
    assert imported.spec is None
    (note,) = [note for note in imported.report if note.level == "error"]
    return note.line, note.message


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{SOURCE}```",
        f"```\n{SOURCE}\n```\n",
        f"~~~py\n{SOURCE}\n~~~",
        f"# A post\n\nIt's:\n\n```python\n{SOURCE}\n```\n\nR:\n\n```sh\npip install\n```\n",
        f"```python\n{SOURCE}",
        f"\ufeff{SOURCE}",
        SOURCE.replace("\n", "\r\n"),
        SOURCE.replace("\n", "\r"),
        "\n".join(f"{number:3d} {line}" for number, line in enumerate(SOURCE.split("\n"), start=1)),
        "\n".join(f"{number}: {line}" for number, line in enumerate(SOURCE.split("\n"), start=1)),
        "\n".join(f"{number:>2} | {line}" for number, line in enumerate(SOURCE.split("\n"), start=1)),
        "".join(f"{number}\n" for number in range(1, 22)) + SOURCE,
        SOURCE.replace("    ", "\u00a0\u00a0\u00a0\u00a0"),
        "!pip install crewai\n%load_ext dotenv\n" + SOURCE,
        "Python\n" + SOURCE,
    ],
    ids=[
        *("fence", "bare fence", "tildes", "page", "unclosed", "bom", "crlf", "cr"),
        *("numbers", "numbers:", "numbers|", "column", "nbsp", "magics", "label"),
    ],
)
def test_debris_around_a_source_is_taken_off(text: str) -> None:
    imported = read(text)
    assert imported.spec == WANTED, imported.report


def test_lines_in_notes_are_those_of_the_pasted_text() -> None:
    page = "# Page\n\nIt's:\n\n```python\nfrom crewai import Agent\n\na = Agent(role='R', reasoning=True)\n```\n"
    assert [note.line for note in read(page).report if "reasoning" in note.message] == [8]


def test_listings_of_python_and_yaml_on_one_page_belong_together() -> None:
    crew = (Path(__file__).parent / "sources" / "decorated.txt").read_text()
    spec = read(f"Page\n\n```python\n{crew}```\n\n```yaml\n{YAML}```\n").spec
    assert spec is not None
    assert spec.agents[0].role == "{market} scout"


def test_fences_inside_a_text_of_the_source_are_left_alone() -> None:
    spec = read('from crewai import Agent\na = Agent(role="R", goal="""Answer as\n```json\n{"a": 1}\n```\n""")\n').spec
    assert spec is not None
    assert spec.agents[0].goal == 'Answer as\n```json\n{"a": 1}\n```'


def test_an_interactive_session_is_read_without_its_prompts() -> None:
    spec = read(">>> from crewai import Agent\n>>> a = Agent(role='R',\n...     goal='G')\n>>> a\nAgent(...)\n").spec
    assert spec is not None
    assert spec.agents[0].goal == "G"


def test_a_notebook_is_read_through_its_code_cells() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Crew"]},
        {"cell_type": "code", "source": ["!pip install crewai\n", "from crewai import Agent, Crew, Task\n"]},
        {"cell_type": "code", "source": SOURCE},
    ]
    imported = read(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}), "crew.ipynb")
    assert imported.spec == WANTED
    assert any("2 code cells" in note.message for note in imported.report)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", None, "empty"),
        (" \n\t\n", None, "empty"),
        ("a = 1\nb\0 = 2", 2, "NUL"),
        ("a = 1\nb = '\ud800'", 2, "half of a character"),
        ("x" * 1_000_001, None, "1,000,000"),
        ("Please make me a crew that writes poems.", None, "none of the formats"),
        ("from crewai import Agent\nprint 'hello'\n", 2, "Python 2"),
        ("from crewai import Agent\na = Agent(role=“R”)\n", 2, "curly"),
        ("from crewai import Agent\ndef f():\na = Agent(role='R')\n", 3, "indentation seems to have been lost"),
        ("from crewai import Agent\n  a = Agent(role='R')\n", 2, "indentation"),
        ("from crewai import Agent\na = Agent(role='R', ...)\n", 2, "abridged"),
        ("from crewai import Agent\na = Agent(role='R'\n", 2, "cut off"),
        ("from crewai import Agent\nThis agent does all the work\n", 2, "text around the code"),
        ("pip install crewai\nfrom crewai import Agent\na = Agent(role='R')\n", 1, "command for the shell"),
        ("if x:\n\ta = Agent(role='R')\n        b = Agent(role='S')\n", 3, "Tabs and spaces"),
        ("a = Agent(role=" + "(" * 300 + "\n", 1, "nested"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line_and_what_to_do(text: str, line: int | None, part: str) -> None:
    at, message = error(read(text))
    assert at == line
    assert part in message


def test_a_file_name_only_breaks_ties() -> None:
    assert read(SOURCE, "agents.yaml").spec == WANTED
    assert read(YAML, "crew.py").spec == read(YAML).spec
