"""All crews of a project: which are offered and meant, and what the report says of each."""

from __future__ import annotations

import json

import pytest

from agents_app.formats import read, read_files
from tests.agents_app.formats.small_projects import project, roles

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


LOOP = """
from crewai import Agent, Crew, Task
a = Agent(role="A", goal="G", backstory="B")
for HEAD:
    Crew(agents=[a], tasks=[Task(description=f"Do {name}", expected_output="E", agent=a)]).kickoff()
"""


@pytest.mark.parametrize("head", ["name in ['x', 'y']", "name, more in {'x': input('a'), 'y': input('b')}.items()"])
def test_a_crew_that_a_loop_makes_for_several_texts_has_them_as_an_input(head: str) -> None:
    result = read(LOOP.replace("HEAD", head))
    assert [(crew.spec.tasks[0].description, crew.spec.inputs) for crew in result.crews] == [
        ("Do {name}", {"name": "x"})
    ]
    assert [note.line for note in result.report if "for each of 2 values" in note.message] == [4]


def test_crews_of_a_loop_that_differ_in_more_are_each_offered_up_to_a_bound() -> None:
    head = "name in [p['name'] for p in [{'name': 'x\\ny'}, {'name': 'z\\n'}]]"
    assert [crew.spec.tasks[0].description for crew in read(LOOP.replace("HEAD", head)).crews] == ["Do z", "Do x\ny"]
    assert [crew.spec.tasks[0].description for crew in read(LOOP.replace("HEAD", "name in ['x']")).crews] == ["Do x"]
    many = read(LOOP.replace("HEAD", "name in range(12)"))
    assert len(many.crews) == 10
    assert [note.line for note in many.report if "more than 10 different texts" in note.message] == [5]


CHOSEN = """
import streamlit as st
from crewai import Agent, Crew, Task
a = Agent(role="A", goal="G", backstory="B")
def job(text): return Task(description=text, expected_output="E", agent=a)
mode = st.selectbox("Mode", ["one", "many"])
if mode == "one":
    first = Crew(agents=[a], tasks=[job("1")])
if mode == "many":
    second = Crew(agents=[a], tasks=[job("2"), job("3")])
"""


def test_crews_that_are_made_by_another_choice_are_offered_after_those_of_the_default() -> None:
    result = read(CHOSEN)
    assert [crew.spec.name for crew in result.crews] == ["First", "Second"]
    assert any("if it does and if it does not are listed" in note.message for note in result.report)


TWO_CALLERS = """
from crewai import Agent, Crew, Task
class Desk:
    def __init__(self): self.a = Agent(role="A", goal="G", backstory="B")
    def build(self, topic, words=9):
        task = Task(description=f"{words} words on {topic}", expected_output="E", agent=self.a)
        return Crew(agents=[self.a], tasks=[task])
    def run(self, topic, words=9): return self.build(topic, words).kickoff(inputs={"topic": topic, "words": words})
def main(): Desk().run("bees")
def interactive():
    asked = input("Words: ")
    Desk().run(input("Topic: "), int(asked) if asked else 7)
"""


def test_crews_that_differ_by_the_names_of_inputs_alone_are_one() -> None:
    crews = read(TWO_CALLERS).crews
    assert [crew.spec.tasks[0].description for crew in crews] == ["{words} words on {topic}"]


BY_NAME = """
from crewai import Agent, Crew, Task
PLANS = {
    "cook": {"staff": ["Cook"], "work": ["cook {dish}"]},
    "clean": {"staff": ["Maid", "Boy"], "work": ["clean", "polish"]},
}
def build(name, tone="kind"):
    plan = PLANS[name]
    staff = [Agent(role=role, goal=f"Be {tone}", backstory="B") for role in plan["staff"]]
    work = [Task(description=text, expected_output="E", agent=who) for text, who in zip(plan["work"], staff)]
    return Crew(agents=staff, tasks=work, name=name)
CALLS
"""


@pytest.mark.parametrize("calls", ["crews = {n: build(n) for n in PLANS}", "build('cook')\nbuild('clean', tone='dry')"])
def test_a_function_that_builds_other_crews_by_a_name_is_followed_for_each(calls: str) -> None:
    crews = {
        crew.spec.name: [task.description for task in crew.spec.tasks]
        for crew in read(BY_NAME.replace("CALLS", calls)).crews
    }
    assert crews == {"cook": ["cook {dish}"], "clean": ["clean", "polish"]}


def test_a_crew_that_lists_no_tasks_has_those_of_its_own_file() -> None:
    """It has never those of another script, which has a crew of its own."""
    script = (
        "from crewai import Agent, Crew, Task\n{name} = Agent(role='{name}', goal='g', backstory='b')\n"
        "job = Task(description='{name} it', expected_output='e', agent={name})\ncrew = Crew(agents=[{name}]{tasks})"
    )
    files = {
        "cook.py": script.format(name="cook", tasks=""),
        "clerk.py": script.format(name="clerk", tasks=", tasks=[job]"),
    }
    imported = read_files(files)
    assert {crew.file: [task.description for task in crew.spec.tasks] for crew in imported.crews} == {
        "cook.py": ["cook it"],
        "clerk.py": ["clerk it"],
    }
    cook = next(crew for crew in imported.crews if crew.file == "cook.py")
    assert [agent.role for agent in cook.spec.agents] == ["cook"]
    assert [(note.file, note.line) for note in cook.report if "are not listed" in note.message] == [("cook.py", 4)]


def test_a_number_that_tells_crews_apart_is_no_other_crews_name() -> None:
    script = (
        "from crewai import Agent, Crew, Task\na = Agent(role='A', goal='g', backstory='b')\n"
        "Crew(name='{name}', agents=[a], tasks=[Task(description='{file}', expected_output='e', agent=a)])"
    )
    names = {"a.py": "Brief", "b.py": "Brief", "c.py": "Brief 2", "d.py": "Brief"}
    found = read_files({file: script.format(name=name, file=file) for file, name in names.items()}).crews
    assert {crew.file: crew.spec.name for crew in found} == names | {"b.py": "Brief 3", "d.py": "Brief 4"}
