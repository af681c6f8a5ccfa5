"""No text makes the readers raise, hang or grow: hostile sources, and whatever hypothesis comes up with."""

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents_app.formats import Imported, read, read_files
from engine.spec.crew_spec import (
    AgentSpec,
    Condition,
    CrewSpec,
    LengthGuardrail,
    LLMSpec,
    QuestionGuardrail,
    RegexGuardrail,
    SchemaGuardrail,
    TaskSpec,
    ToolSpec,
)
from engine.spec.validate import validate

SOURCES = [path.read_text() for path in sorted((Path(__file__).parent / "sources").glob("*.txt"))]
SECONDS = 6  # far above what any of them takes; a hang takes for ever

HOSTILE = {
    "a list in itself": "l = []\nl.append(l)\na = Agent(role=l)\nt = Task(description=l, agent=a)",
    "a dictionary in itself": "d = {}\nd['x'] = d\na = Agent(role=d, llm=d, tools=d)\nCrew(agents=[a], tasks=d)",
    "tasks in a circle": "def f():\n  a = Task(description='a'); b = Task(description='b')\n"
    "  a.context = [b]; b.context = [a]\n  return a, b\nx, y = f()\nz, w = f()\nCrew(tasks=[x, y, z, w], agents=[])",
    "doubling texts": "x = 'ab'\n" + "x = f'{x}{x}'\n" * 60 + "Agent(role=x)",
    "loops in loops": "L = list(range(50))\nfor a in L:\n for b in L:\n  for c in L:\n   Task(description='x' * 90000)",
    "calls that double": "".join(f"def f{i}():\n  f{i + 1}(); f{i + 1}()\n" for i in range(30)) + "f0()",
    "classes that double": "class C0(BaseModel):\n  a: int\n"
    + "".join(f"class C{i + 1}(BaseModel):\n  a: C{i}\n  b: C{i}\n" for i in range(40))
    + "t = Task(description='x', output_json=C40)",
    "endless recursion": "def f(a): return g(a)\ndef g(a): return f(a)\nAgent(role=f(1))",
    "a property of itself": "class A:\n  @property\n  def x(self): return self.x\nAgent(role=A().x)",
    "a class of itself": "class A(B): pass\nclass B(A): pass\nTask(description='', output_json=B)",
    "huge numbers": f"a = {'9' * 4000}\nb = 0x{'f' * 9000}\n"
    "Agent(role=a, goal=b, max_iter=b, llm=LLM(model='x', temperature=1e999))",
    "huge repetitions": "Agent(role='x' * 10**9, goal=[1] * 10**9, backstory='{:>999999999}'.format('x'))",
    "huge range": "for i in range(10**15): Agent(role=i)",
    "percent signs": "Agent(role='%" + "0" * 90_000 + "' % 1)",
    "braces": "Task(description='" + "{" * 90_000 + "')",
    "deep brackets": "Agent(role=" + "[" * 190 + "]" * 190 + ")",
    "a long sum": "Agent(role=" + " + ".join(["'a'"] * 900) + ")",
    "a long chain": "Agent(role=a" + ".b" * 900 + ")",
    "many branches": "if a: Agent(role='a')\n" + "elif b: Agent(role='b')\n" * 300,
    "strange arguments": "Agent(role=Agent, goal=Crew, llm=Agent(role='x'), tools=Agent)\n"
    "Task(description=Task(), agent=Task(), context=Agent(role='z'))\n"
    "Crew(agents=5, tasks='abc', process=Agent(role='r'), manager_agent=Task())",
    "nothing at all": "Agent(role=None, goal=None, tools=None, llm=None)\n"
    "Task(description=None, context=None)\nCrew(agents=None)",
    "odd classes": "class D(BaseModel):\n x: 'list['\n y: Literal[z]\n w: Optional\n v: list[()]\n q: Tuple[()]\n"
    " r: int = Field(1)\nTask(description='', output_json=D)",
    "fences": "```\n" * 50_000,
    "numbers": "\n".join(map(str, range(1, 50_000))),
    "blank lines": "\n" * 500_000 + "!x",
    "spaces": "a," + " " * 900_000,
    "quotes in JSON": '{"agents": [], "tasks": [], "x": "' + '\\"' * 400_000,
    "brackets in JSON": '{"a":' * 100_000,
    "brackets in YAML": "a: " + "[" * 5000,
    "many values in YAML": "a: [" + "x," * 100_000,
    "empty lines in YAML": "a:\n  role: '" + "x\n\n" * 60_000,
}


def check(imported: Imported) -> None:
    """A spec that can be stored, validated and read back, or else an error that says why not."""
    if imported.spec is None:
        assert any(note.level == "error" for note in imported.report)
    else:
        validate(imported.spec)
        text = json.dumps(imported.spec.to_json(), allow_nan=False)
        assert "\\u0000" not in text
        text.encode()
        assert CrewSpec.from_json(json.loads(text)) == imported.spec
    for note in imported.report:
        note.message.encode()


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_sources_end_soon_and_in_a_spec_or_an_error(source: str) -> None:
    start = time.process_time()  # other programs of a busy machine do not count
    check(read(source))
    assert time.process_time() - start < SECONDS


def test_escapes_cannot_smuggle_in_what_no_database_takes() -> None:
    imported = read("from crewai import Agent\na = Agent(role='x\\0y', goal='\\ud800', backstory='\\udfff')\n")
    check(imported)
    assert imported.spec is not None
    assert imported.spec.agents[0].role == "xy"
    check(read('a:\n  role: "x\\0\\ud800"\n  goal: g\n'))


@pytest.mark.parametrize("filename", ["\x00", "a\x00\ud800.py", "\udfff/\x00.py"])
def test_file_names_cannot_either(filename: str) -> None:
    source = "from crewai import Agent\na = Agent(role='x', goal='y', backstory='z')\n"
    for imported in (read(source, filename), read_files({filename: source, "b.py": ""})):
        check(imported)
        assert imported.spec is not None


def test_what_is_said_by_a_source_is_never_done(tmp_path: Path) -> None:
    target = tmp_path / "written"
    read(
        f"import os\nopen({str(target)!r}, 'w').write('x')\nos.system('touch {target}')\n"
        f"from crewai import Agent\na = Agent(role=open({str(target)!r}, 'w').write('x'))\n"
    )
    assert not target.exists()


@given(st.text())
@settings(max_examples=100)
def test_any_text_is_answered(text: str) -> None:
    check(read(text))


DAMAGE = (
    '( ) [ ] { } " \' """ \\ {x} f" % * ** Agent( Task( Crew( lambda: await - &a *a !!t --- ? | > ``` ... = : 1e999 '
    ", self. @ # None return yield “ =[*x] **y :="
)
PIECES = st.sampled_from([*DAMAGE.split(), "\n", "    ", "\t", "\r", "\ufeff", "\u00a0", "- ", ": ", "for x in y:\n"])


@given(st.integers(0, 2**32), st.lists(PIECES, min_size=1, max_size=6))
@settings(max_examples=120)
def test_any_damage_to_a_real_source_is_answered(seed: int, pieces: list[str]) -> None:
    chance = random.Random(seed)
    text = chance.choice(SOURCES)
    for piece in pieces:
        start = chance.randrange(len(text) + 1)
        end = start + chance.choice([0, 0, 1, 5, 40])
        text = text[:start] + piece + text[end:]
    check(read(text, chance.choice(["", "crew.py", "agents.yaml", "crew.json"])))
    check(read_files({"crew.py": text, "config/agents.yaml": chance.choice(SOURCES)}))


def storable(**limits: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), **limits)


KEYS = st.from_regex(r"\A[a-z0-9][a-z0-9_]{0,10}\Z")
LLMS = st.builds(
    LLMSpec,
    model=storable(min_size=1, max_size=20).filter(str.strip),
    temperature=st.none() | st.floats(0, 2),
    max_tokens=st.none() | st.integers(1, 10**6),
    stop=st.lists(storable(max_size=5), max_size=2).map(tuple),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | storable(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(storable(max_size=5), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(storable(max_size=5), JSON, max_size=3)
TOOLS = st.builds(ToolSpec, name=st.from_regex(r"\A[A-Za-z0-9_.:-]{1,12}\Z"), config=OBJECTS)
GUARDRAILS = (
    st.builds(SchemaGuardrail, json_schema=OBJECTS)
    | st.builds(LengthGuardrail, max_words=st.none() | st.integers(1, 99))
    | st.builds(RegexGuardrail, pattern=storable(max_size=9), forbid=st.booleans())
    | st.builds(QuestionGuardrail, question=storable(max_size=9), llm=st.none() | LLMS)
)
AGENTS = st.builds(
    AgentSpec, key=KEYS, role=storable(), goal=storable(), llm=LLMS, tools=st.lists(TOOLS, max_size=2).map(tuple)
)
TASKS = st.builds(
    TaskSpec,
    key=KEYS,
    description=storable(),
    agent=st.none() | KEYS,
    context=st.none() | st.lists(KEYS, max_size=3).map(tuple),
    async_execution=st.booleans(),
    output_schema=st.none() | OBJECTS,
    tools=st.none() | st.lists(TOOLS, max_size=2).map(tuple),
    guardrails=st.lists(GUARDRAILS, max_size=2).map(tuple),
    condition=st.none() | st.builds(Condition, task=KEYS, contains=st.none() | storable(max_size=4)),
)
CREWS = st.builds(
    CrewSpec,
    name=storable(min_size=1, max_size=30).filter(lambda name: len(f"{name}.".splitlines()) == 1),
    agents=st.lists(AGENTS, max_size=3).map(tuple),
    tasks=st.lists(TASKS, max_size=3).map(tuple),
    process=st.sampled_from(["sequential", "parallel", "hierarchical"]),
    planning_llm=st.none() | LLMS,
    inputs=st.dictionaries(storable(max_size=5), storable(max_size=9), max_size=2),
)


@given(CREWS, st.sampled_from([None, 2]), st.booleans())
@settings(max_examples=60)
def test_json_of_any_crew_comes_back_exactly(spec: CrewSpec, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps({"agents": [], "tasks": [], **spec.to_json()}, indent=indent, ensure_ascii=ascii_only)
    imported = read(text)
    assert imported.spec == spec, imported.report
    assert imported.spec.content_hash == spec.content_hash
