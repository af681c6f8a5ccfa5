"""A project is a tree: its files are found as its code finds them, and what lies beside one crew is not another's."""

from __future__ import annotations

import json

import pytest

from agents_app.formats import Imported, read, read_files

AGENTS = "writer:\n  role: {name} writer\n  goal: Write as {name}\n  backstory: b\n"
TASKS = "note:\n  description: Note of {name}\n  expected_output: e\n  agent: writer\n"
CREW = """
from crewai import Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, task

@CrewBase
class NAMECrew:
    {configs}
    @agent
    def writer(self): return Agent(config=self.agents_config["writer"])
    @task
    def note(self): return Task(config=self.tasks_config["note"])
    @crew
    def crew(self): return Crew(agents=self.agents, tasks=self.tasks)
"""


def project(name: str, folder: str, *, configs: str = "", below: str = "config/") -> dict[str, str]:
    return {
        f"{folder}crew.py": CREW.replace("NAME", name).format(configs=configs),
        f"{folder}{below}agents.yaml": AGENTS.format(name=name),
        f"{folder}{below}tasks.yaml": TASKS.format(name=name),
    }


def said(imported: Imported, *levels: str) -> list[str]:
    return [note.message for note in imported.report if note.level in (levels or ("warning", "error"))]


def roles(imported: Imported) -> dict[str, list[str]]:
    return {crew.spec.name: [agent.role for agent in crew.spec.agents] for crew in imported.crews}


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


FLOW = """
from crewai.flow.flow import Flow, listen, or_, router, start
from a.crew import ACrew
from b.crew import BCrew

class Review(Flow):
    @listen("good")
    def publish(self): print("out")
    @start()
    def gather(self): self.state.text = ACrew().crew().kickoff()
    @router(write)
    def judge(self): return "good"
    @listen(or_(gather, "bad"))
    def write(self): BCrew().crew().kickoff(inputs={"topic": "x"})
"""


def test_crews_of_a_flow_are_all_offered_and_its_order_is_said() -> None:
    files = project("A", "a/") | project("B", "b/") | {"main.py": FLOW}
    imported = read_files(files)
    assert sorted(roles(imported)) == ["A crew", "B crew"]
    (flow,) = [note for note in imported.report if "is a Flow" in note.message]
    assert flow.message.endswith(
        "in this order: gather runs `ACrew`, write after gather and “bad” runs `BCrew`, "
        "judge after write and chooses what comes next, publish after “good”."
    )
    assert (flow.file, flow.line) == ("main.py", 8)


def test_crews_of_tests_and_examples_are_neither_first_nor_meant() -> None:
    large = "from crewai import Agent, Crew, Task\na = Agent(role='R', goal='g', backstory='b')\n" + "".join(
        f"t{n} = Task(description='{n}', expected_output='e', agent=a)\n" for n in range(4)
    )
    files = project("Own", "src/") | {
        "tests/test_crew.py": large + "Crew(agents=[a], tasks=[t0, t1, t2])\n",
        "examples/big.py": large + "Crew(agents=[a], tasks=[t0, t1, t2, t3])\n",
    }
    imported = read_files(files)
    assert [(crew.file, crew.meant) for crew in imported.crews] == [
        ("src/crew.py", True),
        ("examples/big.py", False),
        ("tests/test_crew.py", False),
    ]
    only = read_files({path: text for path, text in files.items() if not path.startswith("src")})
    assert [crew.meant for crew in only.crews] == [True, True]


def test_two_crews_of_one_function_are_two() -> None:
    imported = read(
        "from crewai import Agent, Crew, Task\na = Agent(role='R', goal='g', backstory='b')\n"
        "t = Task(description='One', expected_output='e', agent=a)\n"
        "u = Task(description='Two', expected_output='e', agent=a)\n"
        "def crew_of(*tasks): return Crew(agents=[a], tasks=list(tasks))\nfirst = crew_of(t)\nsecond = crew_of(u)\n"
    )
    assert sorted(task.description for crew in imported.crews for task in crew.spec.tasks) == ["One", "Two"]


class TestAgentsThatAreAskedDirectly:
    SOURCE = (
        "from crewai import Agent\nfinder = Agent(role='Finder', goal='g', backstory='b')\n"
        "print(finder.kickoff('Find bees in {place}').raw)\n"
        "async def more():\n    await finder.kickoff_async([{'role': 'user', 'content': 'Count them'}])\n"
    )

    def test_get_a_task_for_each_question(self) -> None:
        spec = read(self.SOURCE).spec
        assert spec is not None
        assert [(task.description, task.agent) for task in spec.tasks] == [
            ("Find bees in {place}", "finder"),
            ("Count them", "finder"),
        ]

    def test_are_a_crew_of_their_own_beside_others(self) -> None:
        imported = read_files(project("A", "a/") | {"ask.py": self.SOURCE})
        assert roles(imported) == {"Agents asked directly": ["Finder"], "A crew": ["A writer"]}


class TestTheReport:
    def test_says_the_worst_first_and_what_is_the_same_once(self) -> None:
        agents = "".join(
            f"a{n} = Agent(role='R{n}', goal='g', backstory='b', llm='gpt-4o', reasoning=True, tools=[Own()])\n"
            for n in range(4)
        )
        files = {
            "crew.py": f"from crewai import Agent, Crew, Task\nfrom own import Own\n{agents}"
            "t = Task(description='d', expected_output='e', agent=a0)\nCrew(agents=[a0, a1, a2, a3], tasks=[t])\n",
            "broken.py": "def (",
        }
        report = read_files(files).report
        levels = [note.level for note in report[1:]]
        assert levels == sorted(levels, key=["error", "warning", "info"].index)
        assert (report[1].file, report[1].level) == ("broken.py", "error")
        (reasoning,) = [note for note in report if "reasoning" in note.message]
        assert reasoning.message.startswith("Agents (r0, r1, r2, r3): reasoning was left out")
        assert (reasoning.line, "Also in line 4, line 5, line 6." in reasoning.message) == (3, True)
        assert len([note for note in report if "`Own` was left out" in note.message]) == 1

    def test_has_what_stands_for_each_tool(self) -> None:
        imported = read(
            "from crewai import Agent, Crew, Task\nfrom crewai_tools import *\nfrom own import Own\n"
            "a = Agent(role='R', goal='g', backstory='b', "
            "tools=[SerperDevTool(), TavilySearchTool(), PDFSearchTool(), Own()])\n"
            "t = Task(description='d', expected_output='e', agent=a, tools=[SerperDevTool()])\n"
            "Crew(agents=[a], tasks=[t])\n"
        )
        (crew,) = imported.crews
        stands = {tool.name: tool.stands_for for tool in crew.tools}
        assert stands == {
            "SerperDevTool": "web_search",
            "TavilySearchTool": "web_search",
            "PDFSearchTool": "",
            "Own": "",
        }
        assert crew.tools[0].by == ("task t", "agent r")
        assert "knowledge_search" in next(tool.why for tool in crew.tools if tool.name == "PDFSearchTool")
        assert crew.understood.tools == (3, 5)


def test_if_all_crews_are_of_examples_they_are_what_is_meant() -> None:
    crew = read(
        "from crewai import Agent, Crew, Task\na = Agent(role='A', goal='G', backstory='B')\n"
        "Crew(agents=[a], tasks=[Task(description='D', expected_output='E', agent=a)])"
    ).spec
    assert crew is not None
    files = {f"examples/{name}.json": json.dumps({**crew.to_json(), "name": name}) for name in ("one", "two")}
    assert [each.meant for each in read_files(files).crews] == [True, True]
    without_tasks = "from crewai import Agent, Crew\na, b = (Agent(role=r, goal='G', backstory='B') for r in 'AB')\n"
    assert any(each.meant for each in read(without_tasks + "Crew(agents=[a])\nCrew(agents=[a, b])\n").crews)


def test_a_crew_that_a_loop_makes_with_other_texts_is_said_to_be_several() -> None:
    code = """
from crewai import Agent, Crew, Task
a = Agent(role="A", goal="G", backstory="B")
for name in NAMES:
    Crew(agents=[a], tasks=[Task(description=f"Do {name}", expected_output="E", agent=a)]).kickoff()
"""
    (warning,) = said(read(code.replace("NAMES", "['x', 'y']")))
    assert warning == "This crew is made several times with other texts: only one of them was read."
    assert said(read(code.replace("NAMES", "['x']"))) == []
