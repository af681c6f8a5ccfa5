"""Agents and tasks that classes of data describe: made of dictionaries, and made into dictionaries again."""

import pytest

from agents_app.formats import read_uploads

HEAD = """
import json, yaml
from dataclasses import asdict, dataclass
from typing import Dict, List, Optional
from crewai import Agent, Crew, Task
from pydantic import BaseModel, Field
"""
MODELS = """
DATA = {
    "agents": [{"role": "Cook"}, {"role": "Maid", "goal": "g"}],
    "tasks": {"x": {"text": "cook"}, "y": {"text": "clean"}},
}
class One(BaseModel):
    role: str
    goal: str = "G"
    backstory: str = Field(default="B")
    def to_agent(self): return Agent(**DUMP)
class Job(BaseModel):
    text: str
class Plan(BaseModel):
    agents: List[One]
    tasks: Optional[Dict[str, Job]] = None
    def build(self):
        staff = [one.to_agent() for one in self.agents]
        jobs = [Task(description=job.text, expected_output="E", agent=staff[0]) for job in self.tasks.values()]
        return Crew(agents=staff, tasks=jobs)
"""


@pytest.mark.parametrize("dump", ["self.model_dump()", "self.dict(exclude_none=True)", "vars(self)", "self.__dict__"])
@pytest.mark.parametrize(
    "plan",
    [
        "Plan(**DATA)",
        "Plan.model_validate(DATA)",
        "Plan.parse_obj(json.loads(json.dumps(DATA)))",
        "Plan(agents=[One(**one) for one in DATA['agents']], tasks={n: Job(**j) for n, j in DATA['tasks'].items()})",
        "Plan(**yaml.safe_load(open('plan.yaml')))",
    ],
)
def test_what_pydantic_makes_of_dictionaries_is_read_as_it_makes_it(plan: str, dump: str) -> None:
    code = f"{HEAD}{MODELS.replace('DUMP', dump)}crew = {plan}.build()"
    given = "agents: [{role: Cook}, {role: Maid, goal: g}]\ntasks: {x: {text: cook}, y: {text: clean}}\n"
    result = read_uploads([("crew.py", code.encode()), ("plan.yaml", given.encode())])
    assert result.spec is not None
    assert [(agent.key, agent.goal, agent.backstory) for agent in result.spec.agents] == [
        ("cook", "G", "B"),
        ("maid", "g", "B"),
    ]
    assert [task.description for task in result.spec.tasks] == ["cook", "clean"]


PLAIN = """
@dataclass
class Role:
    role: str
    goal: str = "G"
    backstory: str = "B"
@dataclass
class Team:
    roles: list
roles = [Role("Cook"), Role("Maid", backstory="b")]
staff = [Agent(**each) for each in asdict(Team(roles))["roles"]]
by_id = {id(one): one for one in [*staff, staff[0]]}
Crew(agents=list(by_id.values()), tasks=[Task(description="x", expected_output="E", agent=staff[1])])
"""


def test_dataclasses_as_dictionaries_and_things_by_their_ids() -> None:
    result = read_uploads([("crew.py", (HEAD + PLAIN).encode())])
    assert result.spec is not None
    assert [(agent.role, agent.backstory) for agent in result.spec.agents] == [("Cook", "B"), ("Maid", "b")]
    assert result.spec.tasks[0].agent == "maid"


KINDS = """
class Base:
    items = {}
    role = ""
    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        Base.items[cls.__name__] = cls
    def build(self): return Agent(role=self.role, goal="G", backstory="B")
class Cook(Base):
    role = "Cook"
class Maid(Base):
    role = "Maid"
"""


@pytest.mark.parametrize(
    "staff",
    ["[kind().build() for kind in Base.__subclasses__()]", "[kind().build() for kind in Base.items.values()]", "None"],
)
def test_classes_that_are_made_of_one_are_known_to_it(staff: str) -> None:
    code = f"{HEAD}{KINDS}staff = {staff}\n"
    code += "" if staff == "None" else "Crew(agents=staff, tasks=[])\n"
    result = read_uploads([("crew.py", code.encode())])
    assert result.spec is not None
    assert [agent.role for agent in result.spec.agents] == ["Cook", "Maid"]


WRAPPED = """
def as_task(text):
    def wrap(make):
        def note(*args): return Task(description=text, expected_output="E", agent=make(*args))
        return note
    return wrap
def logged(make):
    def run(*args):
        print(make)
        return make(*args)
    return run
@as_task("cook it")
@logged
def cook(): return Agent(role="Cook", goal="G", backstory="B")
job = cook()
Crew(agents=[job.agent], tasks=[job])
"""


def test_a_decorator_that_makes_a_task_of_what_a_function_gives_is_followed() -> None:
    result = read_uploads([("crew.py", (HEAD + WRAPPED).encode())])
    assert result.spec is not None
    assert [(task.description, task.agent) for task in result.spec.tasks] == [("cook it", "cook")]
    assert [agent.role for agent in result.spec.agents] == ["Cook"]
