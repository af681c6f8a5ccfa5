"""Code that computes: what can be known from the source is known, and what only a run would show is said."""

import pytest

from agents_app.formats import Imported, read
from engine.spec.crew_spec import CrewSpec

HEAD = """
import enum, functools, json, os, string, textwrap
from string import Template
from crewai import Agent, Crew, Task
"""
TAIL = """
worker = Agent(role="R", goal="G", backstory="B")
Crew(agents=[worker], tasks=[Task(description=TEXT, expected_output="E", agent=worker)])
"""


def imported(code: str) -> Imported:
    return read(HEAD + code)


def spec_of(code: str) -> CrewSpec:
    spec = imported(code).spec
    assert spec is not None
    return spec


def filled(spec: CrewSpec, text: str) -> str:
    """What the model would be sent with the crew's own inputs."""
    for name, value in spec.inputs.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def said(result: Imported, part: str) -> bool:
    return any(part in note.message for note in result.report)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('f"{7 % 2} {7 // 2} {7 / 2} {2 ** 3} {1 + 2 + 3}"', "1 3 3.5 8 6"),
        ("f\"{len('abc')} {len(dict(a=1))} {max(3, 9)} {sum([1, 2])} {round(2.567, 1)}\"", "3 1 9 3 2.6"),
        ('json.dumps({"b": [1, None, True], "a": "x"})', '{"b": [1, null, true], "a": "x"}'),
        ('json.dumps({"a": 1}, indent=2)', '{\n  "a": 1\n}'),
        ("f\"{dict(a=1)} and {{'b': [2]}}\"", "{'a': 1} and {'b': [2]}"),
        ("f\"Use {({'b': [2]})}\"", "Use {'b': [2]}"),
        ("f\"{3.14159:.2f} {1000:,} {7:03d} {0.5:.0%} {'x':>3}|{'y'!r}\"", "3.14 1,000 007 50%   x|'y'"),
        ('"{0:.1f} {0!r} {1!r}".format(2.25, "x")', "2.2 2.25 'x'"),
        ('"%.1f of %03d" % (2.25, 7)', "2.2 of 007"),
        ('Template("$what for ${who}, $$5").substitute(what="Tea", who="two")', "Tea for two, $5"),
        ('string.Template("$what").safe_substitute({"what": "Tea"})', "Tea"),
        ('textwrap.fill("one two three four", 9)', "one two\nthree\nfour"),
        ('textwrap.indent("a\\nb", "  ").strip()', "a\n  b"),
        ('", ".join(sorted(["b", "a"]))', "a, b"),
        ('", ".join(reversed(["b", "a"]))', "a, b"),
        ('", ".join(str(n) for n in range(60) if n % 20 == 0)', "0, 20, 40"),
        ('", ".join(f"{a}{b}" for a in "xy".split() for b in ["1", "2"])', "xy1, xy2"),
        ('"-".join([word for word in ["a", "bb", "c"] if len(word) < 2])', "a-c"),
        ('"ab".zfill(4) + "|" + "ab".center(4)', "00ab| ab"),
        ('" ".join(word[0].upper() + word[1:] for word in ["one", "two"]) + "abc"[-1]', "One Twoc"),
        ('"yes" if 3 in [1, 3] and "a" not in "bcd" else "no"', "yes"),
        ('({"a": "one"} | {"b": "two"})["b"]', "two"),
    ],
)
def test_what_the_source_holds_is_computed(expression: str, expected: str) -> None:
    result = imported(f"TEXT = {expression}\n{TAIL}")
    assert result.spec is not None
    assert result.spec.tasks[0].description == expected
    assert not [note for note in result.report if note.level != "info"]


def test_members_of_an_enum_stand_for_their_values() -> None:
    code = 'class Tone(enum.Enum):\n    CALM = "calm"\n    LOUD = "loud"\n'
    assert spec_of(code + 'TEXT = f"Be {Tone.CALM.value}"' + TAIL).tasks[0].description == "Be calm"
    assert spec_of(code + 'TEXT = "/".join(tone.value for tone in Tone)' + TAIL).tasks[0].description == "calm/loud"


CREW = "\nCrew(agents=agents, tasks=[Task(description='D', expected_output='E', agent=agent) for agent in agents])\n"


def roles(code: str) -> list[str]:
    return [agent.role for agent in spec_of(code + CREW).agents]


def test_filters_of_comprehensions_and_loops_are_followed() -> None:
    one = 'Agent(role=name, goal="G", backstory="B")'
    assert roles(f'agents = [{one} for name in ["a", "b", "c"] if name != "b"]') == ["a", "c"]
    skips = (
        f'agents = []\nfor name in ["a", "b", "c"]:\n    if name == "b":\n        continue\n    agents.append({one})'
    )
    assert roles(skips) == ["a", "c"]
    ends = f'agents = []\nfor name in ["a", "b", "c"]:\n    if name == "c":\n        break\n    agents.append({one})'
    assert roles(ends) == ["a", "b"]


def test_while_loops_go_round_as_often_as_the_source_says() -> None:
    counted = (
        'agents = []\nn = 0\nwhile n < 2:\n    agents.append(Agent(role=f"r{n}", goal="", backstory=""))\n    n += 1'
    )
    assert roles(counted) == ["r0", "r1"]
    one = 'Agent(role=names.pop(0), goal="", backstory="")'
    emptied = f'names = ["a", "b"]\nagents = []\nwhile names:\n    agents.append({one})'
    assert roles(emptied) == ["a", "b"]
    endless = imported('agents = []\nwhile True:\n    agents.append(Agent(role="r", goal="", backstory=""))' + CREW)
    assert endless.spec is not None
    assert len(endless.spec.agents) == 1
    assert said(endless, "`while True` goes round is only known when the code runs")


def test_loops_over_what_only_a_run_shows_are_said() -> None:
    result = imported('agents = [Agent(role=row["role"], goal="", backstory="") for row in load_rows()]' + CREW)
    assert said(result, "What `load_rows()` holds is only known when the code runs")
    quiet = imported('for row in load_rows():\n    print(row)\nTEXT = "x"' + TAIL)
    assert not said(quiet, "load_rows")


def test_functions_end_where_they_surely_return() -> None:
    code = 'def tone(loud):\n    if loud == "yes":\n        return "Shout"\n    return "Whisper"\nTEXT = tone("no")'
    assert spec_of(code + TAIL).tasks[0].description == "Whisper"


def test_defaults_of_the_environment_are_used_within_texts_and_numbers() -> None:
    code = """
MODEL = f"ollama/{os.getenv('M', 'llama3')}"
worker = Agent(role="R", goal="G", backstory="B", llm=MODEL, max_iter=int(os.getenv("N", "4")))
Crew(agents=[worker], tasks=[Task(description=f"In {os.getenv('LANG', 'German')}", expected_output="E", agent=worker)])
"""
    result = imported(code)
    assert result.spec is not None
    agent, task = result.spec.agents[0], result.spec.tasks[0]
    assert (agent.llm.model, agent.max_iter) == ("ollama/llama3", 4)
    assert said(result, "Agent worker reads its model from M; the default written there, ollama/llama3, is used.")
    assert (task.description, result.spec.inputs) == ("In {lang}", {"lang": "German"})


def test_branches_on_the_environment_are_said() -> None:
    result = imported('if os.getenv("PROD"):\n    TEXT = "Careful"\nelse:\n    TEXT = "Quick"' + TAIL)
    assert result.spec is not None
    assert result.spec.tasks[0].description == "Careful"
    assert said(result, "Whether `os.getenv('PROD')` holds is only known when the code runs")
    written = imported('if os.getenv("MODE", "dev") == "prod":\n    crew = 1\nelse:\n    TEXT = "Quick"' + TAIL)
    assert written.spec is not None
    assert written.spec.tasks[0].description == "Quick"


def test_what_two_functions_are_given_are_two_inputs() -> None:
    code = """
def make_writer(config):
    return Agent(role=config["role"], goal=config["goal"], backstory="B")
def make_editor(config):
    return Agent(role=config["role"], goal=config["goal"], backstory="B")
agents = [make_writer(load("w")), make_editor(load("e"))]
"""
    found = [(agent.role, agent.goal) for agent in spec_of(code + CREW).agents]
    assert len({role for role, _ in found}) == len({goal for _, goal in found}) == 2


def test_a_short_constant_within_a_text_is_an_input_with_its_value() -> None:
    spec = spec_of('TOPIC = "green tea"\nsize = "short"\nTEXT = f"Write a {size} note on {TOPIC}."' + TAIL)
    assert spec.tasks[0].description == "Write a {size} note on {topic}."
    assert spec.inputs == {"size": "short", "topic": "green tea"}


@pytest.mark.parametrize(
    "code",
    [
        'RULES = "One.\\nTwo."\nTEXT = f"Follow: {RULES}"',
        f'RULES = "{"Be kind. " * 20}"\nTEXT = f"Follow: {{RULES}}"',
        'for RULES in ["a"]:\n    TEXT = f"Follow: {RULES}"',
        'RULES = "a"\nRULES = RULES.strip()\nTEXT = f"Follow: {RULES}"',
    ],
)
def test_other_constants_stay_in_the_text(code: str) -> None:
    spec = spec_of(code + TAIL)
    assert (spec.inputs, "{" in spec.tasks[0].description) == ({}, False)


def test_constants_of_one_name_and_two_values_stay_two_texts() -> None:
    code = """
def first():
    style = "dry"
    return f"Be {style}."
def second():
    style = "lively"
    return f"Be {style}!"
TEXT = first() + " " + second()
"""
    spec = spec_of(code + TAIL)
    assert filled(spec, spec.tasks[0].description) == "Be dry. Be lively!"


@pytest.mark.parametrize(
    ("written", "model", "part"),
    [
        ("${MODEL}", "gpt-4o-mini", "from MODEL, which is not part of the source"),
        ("${MODEL:-gpt-4o}", "gpt-4o", "from MODEL; the default written there, gpt-4o, is used"),
        ("$MODEL", "gpt-4o-mini", "from MODEL"),
    ],
)
def test_variables_of_the_environment_in_yaml(written: str, model: str, part: str) -> None:
    result = read(f"clerk:\n  role: R\n  goal: G\n  backstory: B\n  llm: {written}\n", "agents.yaml")
    assert result.spec is not None
    assert result.spec.agents[0].llm.model == model
    assert said(result, part)


def parts_of(code: str) -> tuple[list[str], list[str]]:
    """The roles of the agents and the descriptions of the tasks, in order."""
    spec = spec_of('a, b, c = (Agent(role=role, goal="G", backstory="B") for role in ["A", "B", "C"])\n' + code)
    return [agent.role for agent in spec.agents], [task.description for task in spec.tasks]


MADE = 'tasks = [Task(description=name, expected_output="E", agent=a) for name in ["2", "3", "1"]]\n'


@pytest.mark.parametrize(
    ("code", "roles", "descriptions"),
    [
        ("tasks.reverse()", "A", "132"),
        ("tasks.sort(key=lambda task: task.description)", "A", "123"),
        ("tasks.sort(key=lambda task: task.description, reverse=True)", "A", "321"),
        ("tasks = sorted(tasks, key=lambda task: task.description)", "A", "123"),
        (
            "agents = [b, a, c]; agents = [each for _, each in sorted(enumerate(agents), key=lambda pair: -pair[0])]",
            "CAB",
            "231",
        ),
        ("del tasks[0]", "A", "31"),
        ("del tasks[1:]", "A", "2"),
        ("tasks.remove(tasks[1])", "A", "21"),
        ("tasks[0] = tasks[2]; tasks.pop()", "A", "13"),
        ("agents = [b, c]; agents[0] = a; agents.remove(c)", "A", "231"),
        ("by_name = dict(zip(['x', 'y'], [a, b])); agents = list(by_name.values())", "AB", "231"),
        ("import itertools; agents = list(itertools.chain([b], [a, c]))", "BAC", "231"),
        ("by_name = {'x': a, 'y': b}; del by_name['y']; agents = list(by_name.values())", "A", "231"),
        ("by_name = {'x': a, 'y': b}; by_name.pop('y'); agents = list(by_name.values())", "A", "231"),
        ("by_name = {'x': a}; by_name.setdefault('y', b); agents = list(by_name.values())", "AB", "231"),
        ("agents = list(filter(lambda agent: agent.role != 'B', [a, b, c]))", "AC", "231"),
        ("agents = [next(agent for agent in [a, b, c] if agent.role == 'A')]", "A", "231"),
    ],
)
def test_what_is_taken_out_of_lists_or_moved_in_them_is_followed(code: str, roles: str, descriptions: str) -> None:
    found = parts_of(f"agents = [a]\n{MADE}{code}\nCrew(agents=agents, tasks=tasks)\n")
    assert found == (list(roles), list(descriptions))


def test_what_may_be_taken_out_stays_and_is_said() -> None:
    code = "import sys\na = Agent(role='A', goal='G', backstory='B')\n" + MADE
    result = imported(code + "if sys.argv[1:]:\n    tasks.remove(tasks[0])\nCrew(agents=[a], tasks=tasks)\n")
    assert result.spec is not None
    assert len(result.spec.tasks) == 3
    assert said(result, "Whether `tasks.remove(tasks[0])` is reached is only known when the code runs")


def test_values_that_are_not_known_are_inputs_through_format_specifications_too() -> None:
    text = 'f"{topic!r} {topic:>9} {names!r} {[1, 2]!r}" + "{0!r} {x:>5}".format(topic, x=names)'
    code = f"def crew(topic, names):\n    TEXT = {text}\n"
    spec = spec_of(code + TAIL.replace("\n", "\n    "))
    assert spec.tasks[0].description == "{topic} {topic} {names} [1, 2]{topic} {names}"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("'a'", "first"), ("'c'", "second"), ("'z'", "other z"), ("None", "none")],
)
def test_of_a_match_the_case_that_fits_is_read(subject: str, expected: str) -> None:
    code = f"""
match {subject}:
    case "a": TEXT = "first"
    case "b" | "c": TEXT = "second"
    case None: TEXT = "none"
    case found if found == "y": TEXT = "never"
    case found: TEXT = f"other {{found}}"
"""
    assert spec_of(code + TAIL).tasks[0].description == expected


def test_which_case_was_read_is_said_if_only_a_run_would_show() -> None:
    code = "match input():\n    case 'a': worker = Agent(role='One', goal='G', backstory='B')\n    case _: pass\n"
    task = "Crew(agents=[worker], tasks=[Task(description='D', expected_output='E', agent=worker)])"
    result = imported(code + task)
    assert result.spec is not None
    assert result.spec.agents[0].role == "One"
    assert said(result, "Which case of `match input()` holds is only known when the code runs")


REGISTRY = """
KEPT = {}
def keep(name):
    def inner(function):
        KEPT[name] = function
        return function
    return inner
@keep("x")
def one():
    return [task("1"), task("2")]
make = lambda: KEPT["x"]()
"""


@pytest.mark.parametrize(
    "making",
    [
        "def make():\n    for name in ['1', '2']:\n        yield task(name)\n",
        "def make():\n    yield task('1')\n    yield from [task('2')]\n",
        "make = lambda: [task(name) for name in ['1', '2']]\n",
        "make = lambda: map(task, ['1', '2'])\n",
        REGISTRY,
    ],
)
def test_generators_lambdas_and_registries_make_tasks(making: str) -> None:
    task = "def task(name):\n    return Task(description=name, expected_output='E', agent=a)\n"
    assert parts_of(f"{task}{making}Crew(agents=[a], tasks=list(make()))\n") == (["A"], ["1", "2"])


def test_global_names_and_repeated_lists_are_followed() -> None:
    code = """
count = 0
def more():
    global count
    count += 1
    return f"{count} of {len([0] * 3)}" + 2 * "!"
TEXT = more() + ", " + more()
"""
    assert spec_of(code + TAIL).tasks[0].description == "1 of 3!!, 2 of 3!!"


def test_what_with_gets_of_a_context_manager_is_what_it_yields() -> None:
    opened = "import contextlib\n@contextlib.contextmanager\ndef opened():\n    yield 'Inside'\n"
    code = opened + "with opened() as TEXT:\n    pass\n"
    assert spec_of(code + TAIL).tasks[0].description == "Inside"


def test_records_take_their_fields_in_order_and_have_their_defaults() -> None:
    code = """
import dataclasses, functools, typing, pydantic
@dataclasses.dataclass
class Persona:
    name: str
    tone: str = "calm"
    skills: list = dataclasses.field(default_factory=list)
    rules: list = dataclasses.field(default_factory=lambda: ["R"])
    @functools.cached_property
    def line(self):
        return f"{self.name}, {self.tone}, {', '.join(self.skills) or 'none'}, {self.rules[0]}"
class Pair(typing.NamedTuple):
    first: str
    second: str = "two"
class Model(pydantic.BaseModel):
    text: str = pydantic.Field("T", description="D")
ann, bob, pair = Persona("Ann"), Persona("Bob", "loud", skills=["x"]), Pair("one")
TEXT = " | ".join([ann.line, bob.line, pair.first + pair.second, Model().text])
"""
    assert spec_of(code + TAIL).tasks[0].description == "Ann, calm, none, R | Bob, loud, x, R | onetwo | T"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"some" if any([0, "", 3]) else "none"', "some"),
        ('"all" if all(n for n in [1, 0]) else "not all"', "not all"),
        ('"-".join(name for name in dict(a=1).get("b", []))', ""),
        ('getattr(worker, "role") + " " + worker.goal', "R new"),
    ],
)
def test_truths_of_lists_and_attributes_by_name_are_known(expression: str, expected: str) -> None:
    worker = 'worker = Agent(role="R", goal="G", backstory="B")\nsetattr(worker, "goal", "new")\n'
    spec = spec_of(worker + f"TEXT = {expression}\n" + TAIL.replace("=TEXT", '="T" + TEXT'))
    assert filled(spec, spec.tasks[0].description) == "T" + expected


def test_slices_of_lists_are_replaced() -> None:
    code = "tasks[1:1] = [Task(description='4', expected_output='E', agent=a)]\ntasks[-1:] = []\n"
    assert parts_of(MADE + code + "Crew(agents=[a], tasks=tasks)\n") == (["A"], ["2", "4", "3"])


@pytest.mark.parametrize("test", ["shutil.which('x')", "shutil.which('x') is None", "not shutil.which('x')"])
@pytest.mark.parametrize(
    "code", ["if {}:\n    role = 'One'\nelse:\n    role = 'Two'\n", "role = 'Two'\nif {}:\n    role = 'One'\n"]
)
def test_what_a_function_of_a_library_gives_may_be_true_or_false(test: str, code: str) -> None:
    code = "import shutil\n" + code.format(test)
    made = "worker = Agent(role=role, goal='G', backstory='B')\n"
    tail = "Crew(agents=[worker], tasks=[Task(description='D', expected_output='E', agent=worker)])\n"
    result = imported(code + made + tail)
    assert result.spec is not None
    assert result.spec.agents[0].role == "One"
    assert said(result, "holds is only known when the code runs: the crew was read as if it does.")
