"""A project is a tree: its files are found as its code finds them, and what lies beside one crew is not another's."""

from __future__ import annotations

import json

import pytest

from agents_app.formats import read, read_files
from tests.agents_app.formats.small_projects import project, roles, said


@pytest.mark.parametrize("below", ["config/", ""])
def test_each_crew_gets_the_texts_that_lie_beside_it(below: str) -> None:
    files = project("Alpha", "src/crews/alpha/", below=below) | project("Beta", "src/crews/beta/", below=below)
    imported = read_files(files)
    assert roles(imported) == {"Alpha crew": ["Alpha writer"], "Beta crew": ["Beta writer"]}
    assert [(crew.file, crew.spec.tasks[0].description) for crew in imported.crews] == [
        ("src/crews/beta/crew.py", "Note of Beta"),
        ("src/crews/alpha/crew.py", "Note of Alpha"),
    ]
    assert said(imported) == []


def test_files_of_one_name_without_their_folders_are_not_mixed_up() -> None:
    """What only one of them has is taken from it, and said; an entry that both have is nobody's."""
    alpha, beta = project("Alpha", ""), project("Beta", "")
    files = {
        "alpha.py": alpha["crew.py"].replace("writer", "scout"),
        "beta.py": beta["crew.py"],
        "agents.yaml": alpha["config/agents.yaml"].replace("writer:", "scout:"),
        "agents (2).yaml": beta["config/agents.yaml"],
        "tasks.yaml": alpha["config/tasks.yaml"],
        "tasks (2).yaml": beta["config/tasks.yaml"],
    }
    imported = read_files(files)
    assert roles(imported) == {"Alpha crew": ["Alpha writer"], "Beta crew": ["Beta writer"]}
    assert {crew.spec.tasks[0].description for crew in imported.crews} == {
        "[not imported: description, `config/tasks.yaml` has no entry `note`]"
    }
    assert any("agents (2).yaml" in text for text in said(imported))


LOADED = """
import json, os, yaml
from pathlib import Path
from crewai import Agent, Crew, Task
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = Path(__file__).resolve().parent.parent
{code}
writer = Agent(**agents["writer"])
note = Task(description=tasks["note"]["description"], expected_output="e", agent=writer)
crew = Crew(agents=[writer], tasks=[note])
"""


@pytest.mark.parametrize(
    "code",
    [
        (
            'agents = yaml.safe_load(open(os.path.join(os.path.dirname(__file__), "config", "agents.yaml")))\n'
            'tasks = yaml.safe_load(open(os.path.join(HERE, "config", "tasks.yaml")).read())'
        ),
        (
            'def load(name):\n    with open(f"{HERE}/config/{name}.yaml", encoding="utf-8") as file:\n'
            '        return yaml.safe_load(file)\nagents, tasks = load("agents"), load("tasks")'
        ),
        (
            'agents = yaml.safe_load((Path(__file__).parent / "config" / "agents.yaml").read_text())\n'
            'tasks = yaml.load(Path("config/tasks.yaml").open(), Loader=yaml.FullLoader)'
        ),
        (
            'config = ROOT.joinpath("app", "config")\n'
            'agents = yaml.safe_load((config / "agents.yaml").read_text("utf-8"))\n'
            'with (config / "tasks.yaml").open() as file:\n    tasks = yaml.safe_load(file)'
        ),
        (
            'CONFIG = os.getenv("CONFIG_DIR", "config")\nagents = yaml.safe_load(open(CONFIG + "/agents.yaml"))\n'
            'tasks = yaml.safe_load(open(os.path.join(CONFIG, "tasks.yaml")))'
        ),
        (
            'base = somewhere()\nagents = yaml.safe_load(open(os.path.join(base, "agents.yaml")))\n'
            'tasks = yaml.safe_load(open(f"{base}/tasks.yaml"))'
        ),
    ],
    ids=["os.path", "function", "pathlib", "joinpath", "environment", "unknown beginning"],
)
def test_files_are_found_by_paths_that_code_computes(code: str) -> None:
    files = {"app/main.py": LOADED.format(code=code)} | {
        path.replace("config", "app/config"): text for path, text in project("Alpha", "").items() if path != "crew.py"
    }
    imported = read_files(files | {"other/readme.yaml": "x: 1"})
    assert imported.spec is not None, imported.report
    assert (imported.spec.agents[0].role, imported.spec.tasks[0].description) == ("Alpha writer", "Note of Alpha")
    assert not any("not used" in text or "not given" in text for text in said(imported)), said(imported)
    assert not any("was taken for it" in note.message for note in imported.report)


def test_the_only_file_of_a_name_is_taken_for_one_that_is_not_there_and_that_is_said() -> None:
    files = project("Alpha", "app/")
    files["elsewhere/agents.yaml"] = files.pop("app/config/agents.yaml")
    imported = read_files(files)
    assert roles(imported) == {"Alpha crew": ["Alpha writer"]}
    (note,) = [note for note in imported.report if "was taken for it" in note.message]
    assert note.message == "`config/agents.yaml` is not among the files: `elsewhere/agents.yaml` was taken for it."
    assert (note.file, note.line) == ("app/crew.py", 9)


def test_json_beside_python_and_prompts_in_files_of_their_own_are_read() -> None:
    code = LOADED.format(
        code='agents = json.load(open("agents.json"))\ntasks = json.loads(Path(HERE, "tasks.jsonc").read_text())\n'
        'prompt = (ROOT / "prompts" / "note.md").read_text()'
    ).replace('expected_output="e"', "expected_output=prompt")
    imported = read_files(
        {
            "app/main.py": code,
            "app/agents.json": json.dumps({"writer": {"role": "R", "goal": "g", "backstory": "b"}}),
            "app/tasks.jsonc": '{\n  // the only one\n  "note": {"description": "On {topic}",},\n}',
            "prompts/note.md": "Five lines on {topic}",
            "package.json": "{}",
        }
    )
    assert imported.spec is not None
    (task,) = imported.spec.tasks
    assert (imported.spec.agents[0].role, task.description, task.expected_output) == (
        "R",
        "On {topic}",
        "Five lines on {topic}",
    )


def test_packages_that_hand_on_names_and_relative_imports_are_followed() -> None:
    files = {
        "trip/__init__.py": "from .people import *\nfrom .jobs.notes import note_of as note\n",
        "trip/people/__init__.py": "from .guide import guide\n",
        "trip/people/guide.py": "from crewai import Agent\nguide = Agent(role='Guide', goal='g', backstory='b')\n",
        "trip/jobs/notes.py": "from crewai import Task\nfrom ..people import guide\nfrom . import words\n"
        "def note_of(): return Task(description=words.ABOUT, expected_output='e', agent=guide)\n",
        "trip/jobs/words.py": "ABOUT = 'Describe {city}'\n",
        "other/people/guide.py": "from crewai import Agent\nguide = Agent(role='Wrong', goal='g', backstory='b')\n",
        "main.py": "from crewai import Crew\nfrom trip import guide, note\nCrew(agents=[guide], tasks=[note()])\n",
    }
    imported = read_files(files)
    assert imported.spec is not None
    assert ([agent.role for agent in imported.spec.agents], imported.spec.tasks[0].description) == (
        ["Guide"],
        "Describe {city}",
    )


def test_a_crew_among_many_files_of_other_code_is_found_and_what_it_imports_is_read() -> None:
    other = "".join(f"def f{n}(x):\n    return [x, {n}]\nv{n} = f{n}(f{n}(1))\n" for n in range(150))
    files = {f"app/m{n:03}.py": other for n in range(100)} | {
        "crews/desk.py": "from crewai import Agent, Crew, Task\nfrom .words import GOAL\n"
        "a = Agent(role='R', goal=GOAL, backstory='b')\nt = Task(description='d', expected_output='e', agent=a)\n"
        "Crew(agents=[a], tasks=[t])\n",
        "crews/words.py": "GOAL = 'Help {customer}'\n",
    }
    imported = read_files(files)
    assert imported.spec is not None, imported.report
    assert (imported.spec.name, imported.spec.agents[0].goal) == ("Desk", "Help {customer}")
    assert said(imported) == []


class TestWhatIsMissing:
    """A text that did not come is an error of the crew at its field, and the report says why it did not."""

    @pytest.mark.parametrize(
        ("files", "why"),
        [
            ({}, "`config/agents.yaml` was not given"),
            ({"app/config/agents.yaml": "writer: {role: {name} x}"}, "`app/config/agents.yaml` cannot be read"),
            ({"app/config/agents.yaml": "other:\n  role: r\n"}, "`app/config/agents.yaml` has no entry `writer`"),
        ],
    )
    def test_is_said_as_it_is(self, files: dict[str, str], why: str) -> None:
        imported = read_files({k: v for k, v in project("A", "app/").items() if "agents" not in k} | files)
        assert imported.spec is not None
        assert why in imported.spec.agents[0].goal
        assert any(why in text for text in said(imported)), said(imported)
        assert "3 of 5 texts are missing" in imported.report[0].message
        assert imported.crews[0].understood.texts == (2, 5)

    def test_one_broken_file_among_good_ones_is_said_and_the_rest_is_read(self) -> None:
        imported = read_files(
            project("A", "app/") | {"b.yaml": "a: [", "c.py": "def (", "d.json": "{", "e.ipynb": "{", "f.yaml": "x: \0"}
        )
        assert imported.spec is not None
        assert imported.spec.agents[0].role == "A writer"
        errors = {note.file for note in imported.report if note.level == "error"}
        assert errors == {"c.py", "e.ipynb", "f.yaml"}


class TestCrewAIsJson:
    CREW = """{
  // Display name
  "name": "briefing",
  "agents": ["scout", "analyst"],
  "tasks": [
    {"name": "find", "description": "Find {topic}", "expected_output": "Notes", "agent": "scout",
     "tools": ["custom:lookup"], "output_pydantic": {"python": "models.Report"}},
    {"name": "sum_up", "description": "Sum up", "expected_output": "A page", "agent": "analyst",
     "context": ["find"], "guardrail": "Names its sources.", "async_execution": false,},
  ],
  "process": "sequential", "verbose": true,
  "inputs": {"topic": "tea"},
}"""
    SCOUT = """{"role": "Scout of {topic}", "goal": "g", "backstory": "b", "llm": "openai/gpt-4o",
  "tools": ["SerperDevTool", "crewai_tools:FileReadTool"],
  "settings": {"max_iter": 7, "allow_delegation": true}}"""
    ANALYST = '{"role": "Analyst", "goal": "g", "backstory": "b", "llm": {"model": "gpt-4o-mini", "temperature": 0.1}}'

    def test_is_read_with_its_agents(self) -> None:
        imported = read_files(
            {
                "brief/crew.jsonc": self.CREW,
                "brief/agents/scout.jsonc": self.SCOUT,
                "brief/agents/analyst.json": self.ANALYST,
                "brief/tools/lookup.py": "def lookup(): ...\n",
                "brief/models.py": "from pydantic import BaseModel\nclass Report(BaseModel):\n    title: str\n",
                "brief/README.md": "# Brief\n",
            }
        )
        spec = imported.spec
        assert spec is not None, imported.report
        scout, analyst = spec.agents
        assert (spec.name, spec.inputs) == ("briefing", {"topic": "tea"})
        assert (scout.key, scout.role, scout.llm.model, scout.max_iter) == (
            "scout",
            "Scout of {topic}",
            "openai/gpt-4o",
            7,
        )
        assert (scout.allow_delegation, [tool.name for tool in scout.tools]) == (True, ["web_search"])
        assert (analyst.llm.model, analyst.llm.temperature) == ("gpt-4o-mini", 0.1)
        find, sum_up = spec.tasks
        assert (find.key, find.agent, sum_up.agent, sum_up.context) == ("find", "scout", "analyst", ("find",))
        assert (find.name, sum_up.title) == ("", "Sum up")
        assert len(sum_up.guardrails) == 1
        assert any("`lookup` was left out" in text for text in said(imported))
        assert any("FileReadTool" in text for text in said(imported))
        assert find.output_schema is not None
        assert list(find.output_schema["properties"]) == ["title"]
        assert any("1 text file that no code opens" in note.message for note in imported.report)

    def test_alone_says_which_files_are_missing(self) -> None:
        imported = read(self.CREW, "crew.jsonc")
        assert imported.spec is not None
        assert [task.key for task in imported.spec.tasks] == ["find", "sum_up"]
        assert any("`agents/scout.jsonc` was not given" in text for text in said(imported))
        assert imported.crews[0].understood.texts == (4, 10)


ABSENT = """
import json, os, yaml
from crewai import Agent, Crew, Task
HERE = os.path.dirname(__file__)
with open(os.path.join(HERE, "agents.yaml")) as file:
    texts = yaml.safe_load(file)
cook = Agent(role=texts["cook"]["role"], goal="Cook", backstory=texts["cook"].get("backstory", "old"))
others = [Agent(role=name, goal=text["goal"], backstory="b") for name, text in texts["others"].items()]
dish = Task(description=f"A {json.load(open('jobs.json'))['dish']} now", expected_output="e", agent=cook)
crew = Crew(agents=[cook, *others], tasks=[dish])
"""


def test_texts_of_a_file_that_was_not_given_are_marked_however_they_are_taken_out_of_it() -> None:
    """They are no inputs: nobody who launches the crew could know what they were."""
    imported = read(ABSENT, "cook.py")
    assert imported.spec is not None
    why = "`agents.yaml` was not given]"
    assert [(agent.role, agent.goal, agent.backstory) for agent in imported.spec.agents] == [
        (f"[not imported: role, {why}", "Cook", f"[not imported: backstory, {why}"),
        (f"[not imported: role, {why}", f"[not imported: goal, {why}", "b"),
    ]
    assert imported.spec.tasks[0].description == "A {jobs_dish} now"
    assert any("`jobs.json` was not given" in note.message for note in imported.report)


def test_a_default_model_is_that_of_the_script_that_sets_it() -> None:
    """A folder of scripts of which each sets its own; one that sets none has what the project sets."""
    script = (
        'import os\nfrom crewai import Agent, Crew, Task\nos.environ["OPENAI_MODEL_NAME"] = "{model}"\n'
        'a = Agent(role="{model} cook", goal="g", backstory="b")\n'
        'crew = Crew(agents=[a], tasks=[Task(description="d", expected_output="e", agent=a)])'
    )
    plain = script.replace('os.environ["OPENAI_MODEL_NAME"] = "{model}"', "pass")
    files = {"a.py": script.format(model="gpt-4"), "b.py": script.format(model="gpt-4o"), "c.py": plain}
    agents = [crew.spec.agents[0] for crew in read_files(files).crews]
    assert {agent.role: agent.llm.model for agent in agents} == {
        "gpt-4 cook": "gpt-4",
        "gpt-4o cook": "gpt-4o",
        "{model} cook": "gpt-4o",
    }


def test_a_crew_never_has_the_yaml_of_another_project_that_has_a_crew_of_its_own() -> None:
    """Also where it has none itself, and the classes have one name."""
    files = project("My", "one/src/my/")
    files["two/src/my/crew.py"] = files["one/src/my/crew.py"]
    imported = read_files(files)
    assert roles(imported) != {}
    texts = {crew.file: crew.spec.agents[0].goal for crew in imported.crews}
    assert texts["one/src/my/crew.py"] == "Write as My"
    assert "not imported" in texts["two/src/my/crew.py"]
    assert any("was not given: import it too" in message for message in said(imported))
