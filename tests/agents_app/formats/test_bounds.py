"""Whatever a source makes, walks through or looks at, an import ends within limits of the operating system."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents_app.formats import python_tree, read, read_files
from agents_app.formats.budget import Budget
from agents_app.formats.python import read_python
from agents_app.formats.python.texts import without_indentation
from agents_app.formats.report import MAX_REMARKS, NOWHERE, Report, UnreadableError
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.naming import KeyMaker
from agents_app.formats.to_spec.values import Definition, Items, Mapping, Text, Unknown
from tests.agents_app.formats.attacks import FILES, LOOKED_AT, MADE, WALKED
from tests.agents_app.formats.limited import Limited

SOURCES = {name: {"": source} for name, source in {**MADE, **WALKED, **LOOKED_AT}.items()} | FILES
CREW = "from crewai import Agent, Task, Crew\na = Agent(role='Writer', goal='g', backstory='b')\n"


@pytest.fixture(scope="module")
def limited() -> Iterator[Limited]:
    with Limited() as process:
        yield process


@pytest.mark.parametrize("files", SOURCES.values(), ids=SOURCES.keys())
def test_no_source_takes_more_than_its_share(limited: Limited, files: dict[str, str]) -> None:
    answer = limited.read(files)
    assert answer.get("spec") or any(level == "error" for level, _, _ in answer.get("report", ())), answer
    assert answer["remarks"] <= 3 * MAX_REMARKS


class TestWhatIsSaid:
    def test_the_line_at_which_the_budget_was_used_up_and_what_was_read_before_is_offered(self) -> None:
        imported = read(CREW + "x = [1]\n" + "x += x\n" * 30 + "b = Agent(role='Never reached')\n")
        assert imported.spec is not None
        assert [agent.role for agent in imported.spec.agents] == ["Writer"]
        (note,) = [note for note in imported.report if note.level == "warning" and "Here the source" in note.message]
        assert note.line == 22
        assert note.message == (
            "Here the source makes larger lists and dictionaries than are read (300,000 entries in all). "
            "What was found before was read, the rest was not."
        )

    def test_the_file_if_there_are_several(self) -> None:
        files = {
            "a.py": CREW,
            "b.py": "x = 'ab'.strip()\n" + "x = f'{x}{x}'\n" * 14 + "for a in range(50):\n" + " x[1:]\n" * 400,
        }
        imported = read_files(files)
        assert imported.spec is not None
        notes = [note for note in imported.report if note.message.startswith("Here the source makes texts")]
        assert [(note.file, note.line) for note in notes] == [("b.py", 167)]

    def test_an_error_if_nothing_was_found_before(self) -> None:
        imported = read("x = [1]\n" + "x += x\n" * 30 + "Agent(role=x)")
        assert imported.spec is None
        (error,) = imported.report
        assert (error.level, error.line) == ("error", 20)
        assert error.message.startswith("Line 20: the source makes larger lists")

    def test_the_line_of_a_field_that_is_small_until_it_is_read(self) -> None:
        imported = read(CREW + "x = ['a']\n" + "x = [x, x]\n" * 40 + "b = Agent(role=x)\n")
        assert imported.spec is None
        (error,) = [note for note in imported.report if note.level == "error"]
        assert error.line == 44
        assert error.message.startswith("Line 44: the source makes larger lists and dictionaries")

    def test_a_source_that_nests_too_deeply_keeps_what_was_read_before(self) -> None:
        imported = read(CREW + "x = []\nx.append(x)\ny = f'{x}'\n")
        assert imported.spec is not None
        assert any(note.line == 5 and "too deeply" in note.message for note in imported.report)

    def test_remarks_are_counted_and_cut(self) -> None:
        report = Report()
        for number in range(MAX_REMARKS + 10):
            report.warn(NOWHERE, f"{number} " + "x" * 5_000)
        notes = report.notes()
        assert len(notes) == MAX_REMARKS + 1
        assert max(len(note.message) for note in notes) <= 1_000
        assert any("more to say" in note.message and "10 places" in note.message for note in notes)


class TestTheBudget:
    """Random programs of growing operations, with a small budget: what they hold and what they do is counted."""

    NAMES = st.sampled_from("abcd")
    GROWTH = st.sampled_from(
        [
            "{a} = {b} + {c}",
            "{a} += {b}",
            "{a} = [{b}, {c}]",
            "{a} = [*{b}, *{c}]",
            "{a} = f'{{{b}}}{{{c}}}'",
            "{a} = f'{{{b}}}-{{{c}}}'.upper()",
            "{a} = {{'k': {b}, **{c}}}",
            "{a} = dict({b}, k={c})",
            "{a} = {b} * 9",
            "{a} = '{{}}{{}}'.format({b}, {c})",
            "{a} = '%s%s' % ({b}, {c})",
            "{a} = {b}.join({c})",
            "{a} = ', '.join({b})",
            "{a} = {b}.replace('a', 'aaaa')",
            "{a} = {b}.split('a')",
            "{a} = {b}.items()",
            "{a} = {b}.copy()",
            "{a}.update({b})",
            "{a}.extend({b})",
            "{a}.append({b})",
            "{a}['x'] = {b}",
            "{a} = {b}[:]",
            "{a}, *{b} = {c}",
            "{a} = list(zip({b}, {c}))",
            "{a} = list(enumerate({b}))",
            "{a} = [x for x in {b}]",
            "{a} = [[x, y] for x in {b} for y in {c}]",
            "{a} = {{x: {c} for x in {b}}}",
            "{a} = unknown() or {b}",
            "{a} = f({b}, *{c})",
            "{a} = g({b}, k={c})",
            "{a} = {b} if {c} else [{b}]",
            "{a} = os.environ.get({b}, {c})",
            "for x in {b}: {a} = [{a}, x]",
            "for x in {b}:\n  for y in {b}: {a} += {c}",
            "Agent(role={a}, goal={b}, tools={c})",
            "Task(description={a}, context={b}, output_json={c})",
        ]
    )
    STARTS = "a = ['x', 'y']\nb = 'ab'\nc = {'k': 'v'}\nd = ('z',)\n"
    FUNCTIONS = "import os\ndef f(p, *q):\n  return [p, *q, q]\ndef g(p, **q):\n  return {'p': p, **q}\n"
    LIMIT = 3_000

    @given(st.lists(st.tuples(GROWTH, NAMES, NAMES, NAMES), min_size=1, max_size=40), st.integers(1, 6))
    @settings(max_examples=50)
    def test_holds_whatever_a_program_does(self, made: list[tuple[str, str, str, str]], times: int) -> None:
        program = "\n".join(line.format(a=a, b=b, c=c) for line, a, b, c in made)
        source = self.FUNCTIONS + self.STARTS + f"{program}\n" * times
        budget = Budget(max_steps=self.LIMIT, max_chars=20 * self.LIMIT, max_elements=self.LIMIT)
        reading = Reading(Report(), budget)
        calls = _Calls()
        with calls:
            try:
                found = read_python({"a.py": source}, reading)
            except UnreadableError:
                found = None
        # What is counted is at most a small multiple of the budget: the source's own reading, and work for each step.
        assert calls.count < 100 * self.LIMIT + 100 * len(source)
        if found is not None:
            chars, elements = _held(found.agents + found.tasks)
            assert chars < 21 * self.LIMIT + len(source)
            assert elements < 3 * self.LIMIT + len(source)

    @given(st.lists(st.tuples(GROWTH, NAMES, NAMES, NAMES), min_size=1, max_size=30), st.integers(1, 40))
    @settings(max_examples=25)
    def test_any_such_program_is_answered(self, made: list[tuple[str, str, str, str]], times: int) -> None:
        program = "\n".join(line.format(a=a, b=b, c=c) for line, a, b, c in made)
        imported = read(self.FUNCTIONS + self.STARTS + f"{program}\n" * times)
        assert imported.spec is not None or any(note.level == "error" for note in imported.report)


class _Calls:
    """Counts the calls of Python functions of this project."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self._before = sys.getprofile()
        sys.setprofile(self._note)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        self.count += event == "call" and "agents_app" in frame.f_code.co_filename


def _held(values: list[Definition]) -> tuple[int, int]:
    """The characters and the entries that values hold, each object once."""
    chars = elements = 0
    seen: set[int] = set()
    waiting: list[Any] = list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        parts: list[Any] = []
        if isinstance(value, str):
            chars += len(value)
        elif isinstance(value, Text):
            parts = [value.template, *value.computed]
        elif isinstance(value, Items):
            parts = value.items
        elif isinstance(value, Unknown):
            parts = [value.label, value.known]
        elif isinstance(value, Mapping | Definition):
            parts = [*value.fields, *(field.value for field in value.fields.values())]
        elements += len(parts)
        waiting.extend(parts)
    return chars, elements


def test_no_pattern_takes_more_than_linear_time() -> None:
    """The process dies where the time is quadratic; the last name that it wrote is the pattern's."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.agents_app.formats.patterns"], capture_output=True, text=True, check=False
    )
    names = ended.stdout.splitlines()
    assert ended.returncode == 0, names[-1:]
    assert {"paste._FENCE", "python_tree._TOKEN", "detect._PYTHON", "yaml.strict._INT"} <= set(names)


def test_a_source_is_parsed_once_and_no_tree_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, parsed = ast.parse, []

    def noted(text: str, **options: Any) -> Any:
        parsed.append(text)
        return parse(text, **options)

    monkeypatch.setattr(ast, "parse", noted)
    first, second = read(CREW), read(CREW)
    assert first.spec == second.spec is not None
    assert [text.strip() for text in parsed] == [CREW.strip()] * 2
    read(f"It is told to be Python, and not read:\n\n```\n{CREW}```\n")
    assert not python_tree._kept


@given(st.text(alphabet=" \tab\n", max_size=60))
def test_indentation_is_taken_off_as_the_standard_library_does(text: str) -> None:
    assert without_indentation(text) == textwrap.dedent(text)


def test_keys_of_equal_names_are_counted_on() -> None:
    keys = KeyMaker()
    made = [keys.key(name, fallback="agent") for name in ["a", "a", "a_2", "a", "", "x" * 70, "x" * 80]]
    assert made == ["a", "a_2", "a_2_2", "a_3", "agent", "x" * 64, "x" * 62 + "_2"]


class TestWhatMadeTheReadersFail:
    """Plain sources that raised an exception nobody caught, each of which was a page with the status 500."""

    @pytest.mark.parametrize(
        "line",
        [
            "x = 'a'.strip('a', 'b')",
            "x = '{\u00b2}'.format(1)",
            "x = [1].insert(1e999, 2)",
            "x = {'a': 1}\nfor k in x: x[k + 'b'] = 1",
        ],
    )
    def test_is_read(self, line: str) -> None:
        imported = read(CREW + line + "\nb = Agent(role=x)\n")
        assert imported.spec is not None
        assert len(imported.spec.agents) == 2
