"""Classes of a source: its own kinds of agents, tasks, crews and models, and the types of its outputs."""

from typing import Any

import pytest

from agents_app.formats import read
from engine.spec.crew_spec import CrewSpec

HEAD = """
import functools
from functools import partial
from typing import *
from pydantic import BaseModel, ConfigDict, Field, RootModel
from crewai import LLM, Agent, Crew, Task
"""


def spec_of(code: str) -> CrewSpec:
    spec = read(HEAD + code).spec
    assert spec is not None
    return spec


CREW = "Crew(agents=[worker], tasks=[Task(description='D', expected_output='E', agent=worker)])"


@pytest.mark.parametrize(
    "code",
    [
        """
class Writer(Agent):
    def __init__(self, topic, **more):
        super().__init__(role="Writer", goal=f"Write on {topic}", backstory="B", llm="gpt-4o", **more)
worker = Writer("tea", max_iter=3)
""",
        """
class Base(Agent):
    def __init__(self, goal, **more):
        super().__init__(role="Writer", goal=goal, backstory="B", llm="gpt-4o", **more)
class Writer(Base):
    def __init__(self):
        super().__init__(goal="Write on tea", max_iter=3)
worker = Writer()
""",
        """
class Writer(Agent):
    role: str = "Writer"
    backstory: str = "B"
    llm: Any = "gpt-4o"
    max_iter: int = 9
worker = Writer(goal="Write on tea", max_iter=3)
""",
        """
make = partial(Agent, backstory="B", llm="gpt-4o")
worker = make(role="Writer", goal="Write on tea", max_iter=3)
""",
        """
def make(role, goal, model="gpt-3.5-turbo", rounds=1):
    return Agent(role=role, goal=goal, backstory="B", llm=model, max_iter=rounds)
worker = functools.partial(make, "Writer", model="gpt-4o")("Write on tea", rounds=3)
""",
        """
first = Agent(role="Writer", goal="Write on coffee", backstory="B", llm="gpt-4o")
worker = first.model_copy(update={"goal": "Write on tea", "max_iter": 3})
""",
        """
first = Agent(role="Writer", goal="Write on tea", backstory="B", llm="gpt-4o", max_iter=3)
worker = first.copy()
""",
        """
class Crews:
    def writer(self):
        return Agent(role="Old", goal="", backstory="")
    def writer(self):
        return Agent(role="Writer", goal="Write on tea", backstory="B", llm="gpt-4o", max_iter=3)
worker = Crews().writer()
""",
    ],
)
def test_an_agent_however_it_is_made(code: str) -> None:
    (agent,) = spec_of(code + CREW).agents
    assert (agent.role, agent.backstory, agent.llm.model, agent.max_iter) == ("Writer", "B", "gpt-4o", 3)
    assert agent.goal == "Write on tea"


def test_tasks_models_and_crews_of_own_classes() -> None:
    spec = spec_of("""
class Small(LLM):
    def __init__(self):
        super().__init__(model="gpt-4o-mini", temperature=0.3, stream=True)
class Report(Task):
    def __init__(self, agent):
        super().__init__(description="Report on {topic}", expected_output="A page", agent=agent)
class Desk(Crew):
    def __init__(self):
        worker = Agent(role="R", goal="G", backstory="B", llm=Small())
        super().__init__(agents=[worker], tasks=[Report(worker)], max_rpm=7)
Desk().kickoff(inputs={"topic": "tea"})
""")
    assert (spec.max_rpm, spec.inputs, spec.tasks[0].expected_output) == (7, {"topic": "tea"}, "A page")
    assert spec.agents[0].llm.to_json() == {"temperature": 0.3, "stream": True}


def schema(classes: str) -> dict[str, Any]:
    found = spec_of(classes + "\nworker = Agent(role='R', goal='', backstory='')\n" + CREW.replace(
        "agent=worker)", "agent=worker, output_pydantic=Out)"
    )).tasks[0].output_schema  # fmt: skip
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ('Kind = Literal["a", "b"]\nclass Out(BaseModel):\n    x: Kind', {"enum": ["a", "b"], "type": "string"}),
        ("UserId = NewType('UserId', int)\nclass Out(BaseModel):\n    x: UserId", {"type": "integer"}),
        (
            "Score = Annotated[int, Field(ge=1)]\nclass Out(BaseModel):\n    x: list[Score]",
            {"type": "array", "items": {"type": "integer", "minimum": 1}},
        ),
        (
            "Names = list[str]\nMaybe = Names | None\nclass Out(BaseModel):\n    x: Maybe",
            {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        ),
    ],
)
def test_types_with_names_of_their_own(classes: str, expected: dict[str, Any]) -> None:
    assert schema(classes)["properties"]["x"] == expected


def test_a_root_model_is_what_it_holds() -> None:
    item = "class Item(BaseModel):\n    name: str\n"
    listed = {"type": "array", "items": schema(item + "Out = Item"), "title": "Out"}
    assert schema(item + "class Out(RootModel[list[Item]]):\n    pass") == listed
    assert schema(item + "class Out(RootModel):\n    root: list[Item]") == listed


@pytest.mark.parametrize(
    "body",
    [
        'class Out(BaseModel):\n    model_config = ConfigDict(extra="forbid")\n    x: int',
        'class Out(BaseModel, extra="forbid"):\n    x: int',
        'class Out(BaseModel):\n    x: int\n    class Config:\n        extra = "forbid"',
        'class Base(BaseModel):\n    model_config = {"extra": "forbid"}\nclass Out(Base):\n    x: int',
    ],
)
def test_a_class_that_forbids_more_says_so(body: str) -> None:
    assert schema(body)["additionalProperties"] is False
    assert "additionalProperties" not in schema(body.replace("forbid", "ignore"))


@pytest.mark.parametrize("test", ["one != self.boss()", "one is not self.boss()", "not one == self.boss()"])
def test_an_agent_of_a_crew_class_is_one_and_the_same_each_time_it_is_asked_for(test: str) -> None:
    methods = "".join(
        f"    @agent\n    def {name}(self):\n        return Agent(role='{name}', goal='g', backstory='b')\n"
        for name in ("boss", "clerk")
    )
    code = (
        "from crewai import Agent, Crew, Task\nfrom crewai.project import CrewBase, agent, crew, task\n"
        f"@CrewBase\nclass Desk:\n{methods}    @task\n    def note(self):\n"
        "        return Task(description='d', expected_output='e', agent=self.clerk())\n    @crew\n"
        f"    def crew(self):\n        return Crew(agents=[one for one in self.agents if {test}], tasks=self.tasks)\n"
    )
    imported = read(code)
    assert imported.spec is not None
    assert [agent.role for agent in imported.spec.agents] == ["clerk"]
    assert not [note.message for note in imported.report if "only known when the code runs" in note.message]
