"""What a source leaves to a run is an input or is said: rounds of loops, tools, choices, other branches."""

import pytest

from tests.agents_app.formats.small_projects import said
from tests.agents_app.formats.test_python_computed import imported, spec_of

HEAD = "from crewai import Agent, Crew, Task\na = Agent(role='A', goal='g', backstory='b')\n"
ROUNDS = f"""{HEAD}from other import load
def run():
    for f in ["a.txt", "b.txt"]:
        q = load(f)
        t1 = Task(description=f"Answer: {{q}}", expected_output="e", agent=a)
        r = a.execute_task(t1)
        t2 = Task(description=f"Evaluate NAME: {{q}} {{r}}", expected_output="e", agent=a)
        a.execute_task(t2)
run()
"""


def test_rounds_that_differ_only_in_what_a_run_shows_are_one() -> None:
    read = imported(ROUNDS.replace(" NAME", ""))
    assert [task.description for task in read.crews[0].spec.tasks] == ["Answer: {q}", "Evaluate: {q} {r}"]
    assert sum("The rounds of this loop make the same tasks" in message for message in said(read)) == 1


def test_rounds_with_texts_of_their_own_are_all_read() -> None:
    read = imported(ROUNDS.replace("NAME", "{f}"))
    assert len(read.crews[0].spec.tasks) == 4
    listed = ROUNDS.replace("def run():", "def run():\n    ts = []").replace("a.execute_task(t2)", "ts.append(t2)")
    both = imported(listed.replace("\nrun()", "\n    Crew(agents=[a], tasks=ts).kickoff()\nrun()"))
    assert len(both.crews[0].spec.tasks) == 2
    assert not any("The rounds of this loop" in message for message in said(both))


def test_tools_that_the_source_falls_back_from_are_said() -> None:
    code = """
from crewai import Agent, Crew, Task
from other import make_kit
kit = make_kit("x")
one = Agent(role='One', goal='g', backstory='b', tools=kit.tools if kit else None)
two = Agent(role='Two', goal='g', backstory='b', tools=kit.tools or [])
def bare(tools=None): return Agent(role='Bare', goal='g', backstory='b', tools=tools)
t = Task(description="d", expected_output="e", agent=one)
Crew(agents=[one, two, bare()], tasks=[t]).kickoff()
"""
    lost = [message.partition(":")[0] for message in said(imported(code)) if "`kit_tools` was left out" in message]
    assert lost == ["Agent one", "Agent two"]


def test_what_a_loop_hands_on_from_a_nested_branch_is_an_input() -> None:
    code = f"""{HEAD}
def write_task(feedback=None):
    section = ""
    if feedback:
        section = f"Mind this: {{feedback}}"
    return Task(description=f"Write. {{section}}", expected_output="e", agent=a)
def main():
    review, n, ok = None, 0, False
    while n < 2 and not ok:
        t = write_task(feedback=review)
        text = str(Crew(agents=[a], tasks=[t]).kickoff())
        n += 1
        if "APPROVED" in text:
            ok = True
        else:
            if n < 2:
                review = text
main()
"""
    read = imported(code)
    assert read.crews[0].spec.tasks[0].description == "Write. {section}"
    assert read.crews[0].spec.inputs == {"section": ""}
    assert any("goes round is only known when the code runs" in message for message in said(read))


def test_a_loop_with_a_flag_that_the_source_sets_goes_round_so_often() -> None:
    code = f"""{HEAD}
n, done, ts = 0, False, []
while n < 9 and not done:
    ts.append(Task(description="d" + str(n), expected_output="e", agent=a))
    n += 1
    if n == 3: done = True
Crew(agents=[a], tasks=ts).kickoff()
"""
    assert [task.description for task in spec_of(code).tasks] == ["d0", "d1", "d2"]


CHOSEN = """
from crewai import Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, task
@CrewBase
class Desk:
    def __init__(self, wanted): self.wanted = wanted
    @agent
    def cook(self): return Agent(role="Cook", goal="g", backstory="b")
    @task
    def note(self): return Task(description="d", expected_output="e", agent=self.cook())
    @crew
    def crew(self):
        tasks = [KEPT for t in self.tasks if t.name in self.wanted]
        return Crew(agents=self.agents, tasks=TASKS)
"""


def test_a_choice_among_parts_that_a_run_makes_is_said() -> None:
    chosen = imported(CHOSEN.replace("KEPT", "t").replace("TASKS", "tasks"))
    words = "Whether `t.name in self.wanted` holds is only known when the code runs: all were taken."
    assert words in said(chosen, "info")
    names = imported(CHOSEN.replace("KEPT", "t.name").replace("TASKS", "self.tasks"))
    assert not any("t.name" in message for message in said(names, "info", "warning"))


SETTINGS = """
import os
class Settings:
    def __init__(self):
        self.model: str = self._get("SMALL_MODEL", "claude-3-haiku-20240307")
    def _get(self, key, default=None):
        value = os.getenv(key, default)
        if value is None: raise ValueError(key)
        return value
class Writer:
    def __init__(self, settings: Settings): self.settings = settings
    def crew(self):
        cook = Agent(role='A', goal='g', backstory='b', llm="anthropic/" + self.settings.MODEL)
        return Crew(agents=[cook], tasks=[Task(description="d", expected_output="e", agent=cook)])
"""


def test_a_parameter_of_a_class_of_settings_is_one_of_these() -> None:
    read = imported(SETTINGS.replace("MODEL)", "model)"))
    assert read.crews[0].spec.agents[0].llm.model == "anthropic/claude-3-haiku-20240307"
    assert any("reads its model from SMALL_MODEL" in message for message in said(read, "info"))
    unknown = said(imported(SETTINGS.replace("settings.MODEL)", "other())")))
    assert any("the model's name holds `self.other()`, which only a run shows" in message for message in unknown)


KEY = """
from conf import settings
from langchain_openai import ChatOpenAI
config = {"a": {"api_key": settings.A_KEY}}["a"]
llm = ChatOpenAI(model="gpt-4o", openai_api_key=KEY)
cook = Agent(role='A', goal='g', backstory='b', llm=llm)
Crew(agents=[cook], tasks=[Task(description="d", expected_output="e", agent=cook)])
"""


def test_only_a_key_is_said_to_be_written_into_the_source() -> None:
    written = "A key is written into the source"
    for text in ('config["api_key"] or "dummy_key"', 'config["api_key"] or "nothing here"', '"your-api-key-here"'):
        assert not any(written in message for message in said(imported(KEY.replace("KEY)", f"{text})"))))
    for text in ('"abcdefghijkl"', 'config["api_key"] or "sk-4f8a9d7c6b5e"'):
        assert any(written in message for message in said(imported(KEY.replace("KEY)", f"{text})"))))


PAIRS = """
from crewai import Agent, Crew, Task
def one():
    cook = Agent(role='Cook', goal='g', backstory='b')
    return cook, Task(description="Cook", expected_output="e", agent=cook)
def two():
    agent = Agent(role='Smith', goal='g', backstory='b')
    task = Task(description="Forge", expected_output="e", agent=agent)
    return agent, task
def run(kind):
    CHOICE
    crew = Crew(agents=[agent], tasks=[task])
    return crew.kickoff()
run(input("kind? "))
"""
MATCHED = """match kind:
        case "one": agent, task = one()
        case "two": agent, task = two()"""
ASKED = """if kind == "one": agent, task = one()
    elif kind == "two": agent, task = two()
    else: raise ValueError(kind)"""
BY_DEFAULT = """
from crewai import Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, task
@CrewBase
class Shop:
    def __init__(self, operation="make"): self.operation = operation
    @agent
    def cook(self): return Agent(role="Cook", goal="g", backstory="b")
    @agent
    def smith(self): return Agent(role="Smith", goal="g", backstory="b")
    @task
    def dish(self): return Task(description="Cook", expected_output="e", agent=self.cook())
    @task
    def tool(self): return Task(description="Forge", expected_output="e", agent=self.smith())
    @crew
    def crew(self):
        if self.operation == "make":
            self.agents = [self.cook()]
            self.tasks = [self.dish()]
        elif self.operation == "mend":
            self.agents = [self.smith()]
            self.tasks = [self.tool()]
        return Crew(agents=self.agents, tasks=self.tasks)
"""


@pytest.mark.parametrize("code", [PAIRS.replace("CHOICE", MATCHED), PAIRS.replace("CHOICE", ASKED), BY_DEFAULT])
def test_each_branch_that_chooses_a_crews_parts_is_offered_as_a_crew(code: str) -> None:
    read = imported(code)
    found = [
        [(agent.role, task.description) for agent, task in zip(crew.spec.agents, crew.spec.tasks, strict=True)]
        for crew in read.crews
    ]
    assert found == [[("Cook", "Cook")], [("Smith", "Forge")]]
    remarks = said(read, "info", "warning")
    assert not any("is not part of the crew" in message for message in remarks)
    assert any("holds is only known when the code runs" in message for message in remarks)
    assert "The crews that are made if another branch is taken here are listed too." in remarks


@pytest.mark.parametrize(("first", "other"), [("one, two", "one"), ("one", "fetch()"), ("one", "kept")])
def test_a_branch_with_no_parts_of_its_own_is_no_other_crew(first: str, other: str) -> None:
    code = f"""
from crewai import Agent, Crew, Task
from other import fetch
one = Agent(role="One", goal="g", backstory="b")
two = Agent(role="Two", goal="g", backstory="b")
kept = []
def run(kind="x"):
    if kind == "x": agents = [{first}]
    else: agents = [{other}]
    kept.append(two)
    return Crew(agents=agents, tasks=[Task(description="d", expected_output="e", agent=one)])
"""
    assert len(imported(code).crews) == 1


def test_a_task_whose_texts_another_is_made_of_is_in_the_crew() -> None:
    code = f"""{HEAD}
class Drafts:
    def __init__(self):
        self.first = Task(description="From 1 May on", expected_output="e")
        self.spare = Task(description="Spare", expected_output="e")
drafts, day = Drafts(), input("day? ")
print(drafts.spare.description)
t = Task(description=drafts.first.description.replace("1 May", day), expected_output="e", agent=a)
Crew(agents=[a], tasks=[t]).kickoff()
"""
    left_out = [message for message in said(imported(code)) if "is not part of the crew" in message]
    assert left_out == ["The task `spare` is defined but is not part of the crew; it was left out."]


def test_inputs_of_a_crew_that_was_not_given_are_not_missed_in_another() -> None:
    code = f"""{HEAD}
from other import OtherCrew
a.kickoff(f"Find {{input('topic? ')}}")
OTHER.kickoff(inputs={{"kind": "x"}})
"""
    words = "kickoff gives kind, which no text uses."
    assert words not in said(imported(code.replace("OTHER", "OtherCrew().crew()")), "info")
    own = code.replace("OTHER", "Crew(agents=[a], tasks=[Task(description='d', expected_output='e', agent=a)])")
    assert words in [note.message for crew in imported(own).crews for note in crew.report]


@pytest.mark.parametrize(
    ("before", "after"),
    [("if kind == 'one': word = 'hot'", ""), ("", "crew.verbose = True if kind == 'one' else False")],
)
def test_what_other_branches_ask_for_too_is_left_at_one_crew(before: str, after: str) -> None:
    code = PAIRS.replace("CHOICE", f"{before}\n    {ASKED}").replace("    return crew", f"    {after}\n    return crew")
    assert len(imported(code).crews) == 1
