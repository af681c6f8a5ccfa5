"""Ways in which people put crews together in Python: what is read, and what is said where only a run would show."""

import pytest

from agents_app.formats import Imported, read, read_files
from engine.spec.crew_spec import CrewSpec

HEAD = "import collections\nfrom crewai import Agent, Crew, Task\nfrom crewai.project import *\n"
AGENTS = """
a = Agent(role="A", goal="G", backstory="B")
b = Agent(role="B", goal="G", backstory="B")
def task(text, agent=a):
    return Task(description=text, expected_output="E", agent=agent)
"""


def imported(code: str) -> Imported:
    return read(HEAD + AGENTS + code)


def spec_of(code: str) -> CrewSpec:
    result = imported(code)
    assert result.spec is not None, result.report
    return result.spec


def said(result: Imported, part: str) -> bool:
    reports = (result.report, *(crew.report for crew in result.crews))
    return any(part in note.message for report in reports for note in report)


def shape(spec: CrewSpec) -> tuple[str, str]:
    return "".join(agent.role for agent in spec.agents), " ".join(task.description for task in spec.tasks)


TEAM = """
class Team:
    def __init__(self, *members): self.members = list(members)
    def __iter__(self): return iter(self.members)
    def __getitem__(self, place): return self.members[place]
    def __len__(self): return len(self.members)
    def __str__(self): return "the team"
    def __enter__(self): return self.members
team = Team(b, a)
"""


@pytest.mark.parametrize(
    ("code", "agents", "tasks"),
    [
        (TEAM + "Crew(agents=list(team), tasks=[task(f'{len(team)} of {team}', team[0])])", "BA", "2 of the team"),
        (TEAM + "Crew(agents=[*team], tasks=[task(each.role) for each in team])", "BA", "B A"),
        (TEAM + "with team as both:\n    Crew(agents=both, tasks=[task(str(team))])", "BA", "the team"),
        (
            (
                "kept = collections.defaultdict(list)\nfor name in 'xyz':\n    kept[name == 'y'].append(task(name))\n"
                "Crew(agents=[a], tasks=[each for some in kept.values() for each in some])"
            ),
            "A",
            "x z y",
        ),
        (
            (
                "count = collections.defaultdict(int)\ncount['x'] += 2\n"
                "Crew(agents=[a], tasks=[task(f\"{count['x']}{count['y']}\")])"
            ),
            "A",
            "20",
        ),
        (
            "Crew(agents=[a], tasks=[task('T ' + str(['x', 1]) + repr('y') + str({'z': None}))])",
            "A",
            "T ['x', 1]'y'{'z': None}",
        ),
        ("Crew(agents=[a], tasks=[task(sign) for sign in 'uv'] + [task('-'.join('xy'))])", "A", "u v x-y"),
        (
            "one = task('Find {x}')\nCrew(agents=[a], tasks=[one, task(f'Check {one.description}, {one.agent.role}')])",
            "A",
            "Find {x} Check Find {x}, A",
        ),
        (
            (
                "def made(tasks):\n    return Crew(agents=[a], tasks=tasks)\n"
                "def run(topic):\n    made([task('x'), task('y')]).kickoff()"
            ),
            "A",
            "x y",
        ),
    ],
)
def test_what_the_source_puts_together_is_read(code: str, agents: str, tasks: str) -> None:
    result = imported(code)
    assert result.spec is not None, result.report
    assert shape(result.spec) == (agents, tasks)
    assert not said(result, "by code")


def test_a_helper_makes_a_crew_for_each_call() -> None:
    code = "def made(agent, tasks):\n    return Crew(agents=[agent], tasks=tasks)\n"
    code += "first = made(a, [task('x')])\nsecond = made(b, [task('y', b)])\n"
    assert sorted(shape(crew.spec) for crew in imported(code).crews) == [("A", "x"), ("B", "y")]


def test_crews_of_one_name_have_numbers() -> None:
    result = imported("crew = Crew(agents=[a], tasks=[task('x')])\ncrew2 = Crew(agents=[b], tasks=[task('y', b)])\n")
    assert {crew.line: crew.spec.name for crew in result.crews} == {9: "Imported crew", 10: "Imported crew 2"}


def test_keys_are_the_names_that_the_author_wrote() -> None:
    code = """
@CrewBase
class Desk:
    @agent
    def create_expert(self): return Agent(role="Expert", goal="G", backstory="B")
    @task
    def build_model(self): return Task(description="D", expected_output="E", agent=self.create_expert())
    @crew
    def crew(self): return Crew(agents=self.agents, tasks=self.tasks)
"""
    spec = spec_of(code)
    assert (spec.agents[0].key, spec.tasks[0].key) == ("create_expert", "build_model")
    code = """
def create_task(text): return task(text)
def make_writer(): return Agent(role="W", goal="G", backstory="B")
execute_task = Task(description="D", expected_output="E", agent=make_writer())
write_code_task = create_task("x")
Crew(agents=[], tasks=[execute_task, write_code_task])
"""
    spec = spec_of(code)
    assert [agent.key for agent in spec.agents] == ["make_writer", "a"]
    assert [each.key for each in spec.tasks] == ["execute_task", "write_code_task"]
    code = """
def make_agent_of(name): return Agent(role=name, goal="G", backstory="B")
kept = {}
for name in ["clara", "dan"]:
    kept[name] = make_agent_of(name)
more = {name: make_agent_of(name) for name in ["eve"]}
fred = make_agent_of("F")
Crew(agents=[*kept.values(), *more.values(), fred], tasks=[task("x")])
"""
    assert [agent.key for agent in spec_of(code).agents] == ["clara", "dan", "eve", "fred", "a"]


CHOICE = """
from elsewhere import Kind, ready
class Desk:
    def __init__(self, mode="both"):
        self.kind, self.mode = Kind.PLAIN, mode
    def crew(self):
"""


def test_members_of_one_class_are_the_same_or_not() -> None:
    code = (
        "        who = a if self.kind == Kind.BILL else b\n        return Crew(agents=[who], tasks=[task('x', who)])\n"
    )
    result = imported(CHOICE + code)
    assert result.spec is not None
    assert shape(result.spec) == ("B", "x")
    assert not said(result, "is only known when the code runs")


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (
            "        who = a if ready() else b\n        return Crew(agents=[who], tasks=[task('x', who)])\n",
            "Whether `ready()` holds",
        ),
        (
            (
                "        if self.mode == 'both':\n            who = [a, b]\n        else:\n            who = [b]\n"
                "        return Crew(agents=who, tasks=[task('x')])\n"
            ),
            "by the values that are written there it holds",
        ),
        (
            (
                "        tasks = [task('x')]\n        if ready() and Kind:\n            tasks.append(task('y'))\n"
                "        return Crew(agents=[a], tasks=tasks)\n"
            ),
            "Whether `ready() and Kind` holds is only known",
        ),
        (
            (
                "        if ready():\n            return Crew(agents=[a], tasks=[task('x')])\n        else:\n"
                "            return Crew(agents=[b], tasks=[task('y')])\n"
            ),
            "the crews of both branches are listed",
        ),
        (
            (
                "        crew = Crew(agents=[a, b], tasks=[task('x')])\n        named = {'a': a, 'b': b}\n"
                "        crew.agents = [named[name] for name in ready()]\n        return crew\n"
            ),
            "The crew's agents are put together by code: all agents of its file were taken",
        ),
    ],
)
def test_choices_that_a_run_makes_are_said(code: str, part: str) -> None:
    assert said(imported(CHOICE + code), part)


def test_of_lists_that_a_function_may_give_one_is_taken_and_said() -> None:
    code = """
def order(names):
    found = search()
    if not found:
        return names
    return [name for name in found if name in names]
agents = [Agent(role=name, goal="G", backstory="B") for name in order(["X", "Y"])]
Crew(agents=agents, tasks=[task("x", agents[0])])
"""
    result = imported(code)
    assert result.spec is not None
    assert shape(result.spec) == ("XY", "x")
    assert said(result, "Which list `order` gives is only known when the code runs: one that it may give was taken.")


def test_a_crew_never_gets_the_agents_of_another_one() -> None:
    files = {
        "team.py": HEAD + "from mind import made\nagents, tasks = made()\nCrew(agents=agents, tasks=tasks)\n",
        "mind.py": "def made():\n    work()\n",
        "other/crew.py": HEAD + AGENTS + "Crew(agents=[a], tasks=[task('x')])\n",
    }
    result = read_files(files)
    assert [crew.file for crew in result.crews] == ["other/crew.py"]
    assert said(result, "A crew was left out: Its agents and tasks are made by code that cannot be followed.")
    beside = read_files(files | {"parts.py": HEAD + AGENTS + "x = task('y')\n"})
    (crew,) = (crew for crew in beside.crews if crew.file == "team.py")
    assert shape(crew.spec) == ("AB", "y")
    assert said(beside, "all agents of `parts.py` were taken")


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (
            "class Router(Agent):\n    pass\nx = Router()",
            "Agent router has no role and no goal and no backstory in the source",
        ),
        (
            "x = Agent(roel='R', goal='G', backstory='B')",
            "roel was left out (it is not a field that is known here; perhaps role",
        ),
        (
            "x = a\ny = Task(description='D', excepted_output='E', agent=a)",
            "Task y has no expected_output in the source",
        ),
    ],
)
def test_texts_that_the_source_lacks_are_said(code: str, part: str) -> None:
    tasks = "[y]" if "y = " in code else "[task('x')]"
    result = imported(f"{code}\nCrew(agents=[x], tasks={tasks})")
    assert said(result, part)
    have, of = result.crews[0].understood.texts
    assert have < of


def test_of_settings_that_are_not_known_nothing_else_is_said() -> None:
    code = "from elsewhere import limits\nx = Agent(role='R', goal='G', backstory='B', **limits())\n"
    code += "y = Agent(role='S', goal='G', backstory='B', config=limits())\n"
    code += "Crew(agents=[x, y], tasks=[task('x')], **limits())"
    result = imported(code)
    assert said(result, "What `**limits()` gives is only known when the code runs: it was left out.")
    assert said(result, "What `limits` gives this agent is not known here: it was left out.")
    assert not said(result, "missing")
    assert not said(result, "config was left out")


@pytest.mark.parametrize(
    ("code", "part"), [("", "no task in this source"), ("Crew(agents=[a], tasks=[])", "No task of this crew")]
)
def test_a_crew_without_tasks_is_said(code: str, part: str) -> None:
    result = read(HEAD + 'a = Agent(role="A", goal="G", backstory="B")\n' + code)
    assert any(part in note.message and note.level == "warning" for note in result.report)


def test_tools_by_their_names_and_own_subclasses_of_known_tools() -> None:
    code = """
from crewai_tools import SerperDevTool
from langchain.agents import load_tools
class News(SerperDevTool):
    def __init__(self): super().__init__(n_results=3)
human = load_tools(["human", "llm-math"])
x = Agent(role="R", goal="G", backstory="B", tools=[News()] + human)
Crew(agents=[x], tasks=[task("x")])
"""
    result = imported(code)
    assert result.spec is not None
    tools = [(tool.name, tool.config) for tool in result.spec.agents[0].tools]
    assert tools == [("web_search", {"n_results": 3}), ("calculator", {})]
    assert said(result, "the tool `human` was left out (let a person look at the task's answer")
