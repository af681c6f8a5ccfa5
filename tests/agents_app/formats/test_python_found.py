"""Agents, tasks and crews are found by whatever way a source makes them, and are called as it calls them."""

import pytest

from agents_app.formats import Imported, read, read_uploads

HEAD = """
import asyncio
from dataclasses import dataclass
from functools import partial
from crewai import LLM, Agent, Agent as Person, Crew, Task
def job(text, **more): return Task(description=text, expected_output="E", **more)
"""
MAKE = 'def make(role, goal="G"): return Agent(role=role, goal=goal, backstory="B")\n'
COOK = 'Agent(role="Cook", goal="G", backstory="B")'


def imported(code: str) -> Imported:
    result = read(HEAD + code)
    assert result.spec is not None, result.report
    return result


def agents_of(code: str) -> dict[str, str]:
    spec = imported(code).spec
    assert spec is not None
    return {agent.key: agent.role for agent in spec.agents}


def said(result: Imported, part: str) -> int:
    return sum(part in note.message for note in result.report)


STAFF = """
class Staff:
    def make(self, role, goal="G"): return Agent(role=role, goal=goal, backstory="B")
    def cook(self): return self.make(role="Cook")
    def maid(self): return self.make("Maid", goal="g")
"""
BASES = """
class Base:
    @classmethod
    def make(cls, role): return Agent(role=role, goal="G", backstory="B")
class Staff(Base):
    @classmethod
    def cook(cls): return cls.make("Cook")
    @staticmethod
    def maid(): return Staff.make("Maid")
"""
PROPERTIES = STAFF.replace("    def cook", "    @property\n    def cook").replace("    def maid", "    async def maid")
ALL_OF_THEM = """
class Staff:
    ROLES = {"cook": "Cook", "maid": "Maid"}
    @classmethod
    def make(cls, kind): return Agent(role=cls.ROLES[kind], goal="G", backstory="B")
    @classmethod
    def all(cls): return {kind: cls.make(kind) for kind in cls.ROLES}
"""


OWN_CLASSES = """
class Own(Person): pass
def cook(): return Own(role="Cook", goal="G", backstory="B")
def maid(): return Person(role="Maid", goal="G", backstory="B")
"""
WITH_A_TASK = f"""
{MAKE}
def cook(): return make("Cook")
def maid(): return make("Maid")
def note(): return job("x", agent=cook())
"""
DATA = f"""
{MAKE}
@dataclass
class A:
    who: str = "Cook"
    def __post_init__(self): self.cook = make(self.who)
maid = make("Maid")
"""
WITHIN = f"""
try:
    class A:
        def cook(self): return {COOK}
except ImportError: pass
class Outer:
    class Inner:
        def maid(self): return Agent(role="Maid", goal="G", backstory="B")
"""


@pytest.mark.parametrize(
    "code",
    [
        STAFF,
        BASES,
        PROPERTIES,
        ALL_OF_THEM,
        f"{MAKE}def cook(): return make('Cook')\nasync def maid(): return make('Maid')",
        f"def cook(): return make('Cook')\ndef maid(): return make('Maid')\n{MAKE}",
        f"{MAKE}cook = lambda: make('Cook')\nOTHERS = {{'maid': lambda: make('Maid')}}",
        f"{MAKE}cook = partial(make, 'Cook')\nmaid = partial(Agent, role='Maid', goal='G', backstory='B')",
        WITH_A_TASK,
        OWN_CLASSES,
        f"class A:\n    def __init__(self):\n        self.cook = {COOK}\n{MAKE}def maid(): return make('Maid')",
        DATA,
        WITHIN,
        f"{MAKE}def app():\n    @route('/')\n    def cook(): return make('Cook')\n    def maid(): return make('Maid')",
    ],
)
def test_agents_that_are_made_through_helpers_are_found_where_nothing_calls_them(code: str) -> None:
    assert agents_of(code) == {"cook": "Cook", "maid": "Maid"}


def test_a_crew_within_a_function_of_a_server_is_found() -> None:
    code = f"def app():\n    @app.post('/')\n    def run(topic):\n        cook = {COOK}\n"
    code += "        return Crew(agents=[cook], tasks=[job(f'On {topic}', agent=cook)]).kickoff()\n    return app"
    spec = imported(code).spec
    assert spec is not None
    assert [task.description for task in spec.tasks] == ["On {topic}"]


def test_a_helper_that_nothing_calls_is_read_once_and_said() -> None:
    code = "class Team:\n    def add(self, role, goal): self.one = Agent(role=role, goal=goal, backstory='B')\n"
    code += "    def do(self, description): return Task(description=description, expected_output='E')\njob('x')\n"
    result = imported(code)
    assert [(note.line, note.message[:38]) for note in result.report if "no call in the source" in note.message] == [
        (8, "`add` makes an agent of what it is giv"),
        (9, "`do` makes a task of what it is given,"),
    ]
    code = f"{code}team = Team()\nteam.add('Cook', 'G')\nteam.do('D')"
    assert not said(imported(code), "no call in the source")


def test_a_crew_of_all_agents_has_none_of_the_tests() -> None:
    staff = f"from crewai import Agent\ndef cook(llm=None): return {COOK[:-1]}, llm=llm)"
    tests = "from staff import cook\ndef test_cook(): assert cook(llm='gpt-4').role"
    result = read_uploads([("staff.py", staff.encode()), ("tests/test_staff.py", tests.encode())])
    assert result.spec is not None
    assert [agent.role for agent in result.spec.agents] == ["Cook"]


def test_what_a_class_says_counts_where_another_method_sets_it_to_something_unknown() -> None:
    code = "class Desk:\n    kind = 'plain'\n    def use(self, kind):\n        self.kind = kind\n        return self\n"
    code += "    def crew(self):\n        who = make('Clerk') if self.kind == 'bill' else make('Cook')\n"
    code += "        return Crew(agents=[who], tasks=[job('x', agent=who)])\ndef main(kind): Desk().use(kind).crew()"
    assert list(agents_of(MAKE + code).values()) == ["Cook"]


NAMES = f"""
class Staff:
    def create_cook(self): return {COOK}
    def get_agent(self): return Agent(role="Other", goal="G", backstory="B")
def build_cook(): return Agent(role="Cook", goal="g", backstory="B")
def definePlan(agent): return job("p", agent=agent)
execute_task = job("x", agent=build_cook())
s = Staff()
plans = [definePlan(build_cook()), definePlan(s.create_cook())]
Crew(agents=[s.create_cook(), build_cook(), s.get_agent()], tasks=[*plans, execute_task])
"""


def test_keys_are_names_as_they_are_written_unless_they_say_nothing_or_are_taken() -> None:
    spec = imported(NAMES).spec
    assert spec is not None
    assert [agent.key for agent in spec.agents] == ["create_cook", "build_cook", "other"]
    assert [task.key for task in spec.tasks] == ["define_plan", "define_plan_2", "execute_task"]


def test_a_part_is_found_by_its_whole_name_and_by_the_name_without_the_verb() -> None:
    code = f"from desk import define_plan, cook\nclass Desk:\n    def create_cook(self): return {COOK}\n"
    code += "    def define_plan(self, agent): return job('p', agent=agent)\n"
    result = imported(f"{code}Crew(agents=[cook], tasks=[define_plan])")
    assert result.spec is not None
    assert [agent.role for agent in result.spec.agents][:1] == ["Cook"]
    assert [task.description for task in result.spec.tasks] == ["p"]
    assert not said(result, "not part of the crew")


CREWS = """
cook = Agent(role="Cook", goal="G", backstory="B")
def one(text): return {"agents": [cook], "tasks": [job(text, agent=cook)]}
"""


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def _run_pipeline():\n    init_crew = Crew(**one('1'))\n    audit = Crew(**one('2'))", "Audit, Init crew"),
        (
            "def _build_crew(): return Crew(**one('1'))\ndef kids_crew(): return Crew(**one('2'))",
            "Build crew, Kids crew",
        ),
        ("class Bakery:\n    def crew(self): return Crew(**one('1'))\ncrew_instance = Bakery().crew()", "Bakery"),
    ],
)
def test_crews_are_called_by_what_tells_most(code: str, names: str) -> None:
    assert ", ".join(sorted(crew.spec.name for crew in imported(CREWS + code).crews)) == names


def test_a_class_of_the_source_may_hide_the_name_of_one_of_crewai() -> None:
    code = f"class Crew:\n    def run(self):\n        cook = {COOK}\n"
    code += "        return Crew(agents=[cook], tasks=[job('x', agent=cook)])"
    result = imported(code)
    assert result.crews[0].line == 10
    assert said(result, "`Crew` is the source's own class in line 7; it was read as CrewAI's")
    assert not said(result, "There is no Crew(...)")
    own = "class Agent:\n    def __init__(self, role, goal): self.made = Person(role=role, goal=goal, backstory='B')\n"
    assert agents_of(f"{own}Agent(role='Cook', goal='G')") == {"made": "Cook"}


TEMPLATE = """
class BaseCrew:
    def staff(self): raise NotImplementedError
    def work(self): raise NotImplementedError
    def build(self): return Crew(agents=self.staff(), tasks=self.work())
    def run(self, inputs): return self.build().kickoff(inputs=inputs)
class KitchenCrew(BaseCrew):
    def staff(self):
        self.one = Agent(role="Cook", goal="G", backstory="B")
        return [self.one]
    def work(self): return [job("cook", agent=self.one)]
class HouseCrew(BaseCrew):
    def staff(self):
        self.one = Agent(role="Maid", goal="G", backstory="B")
        return [self.one]
    def work(self): return [job("clean", agent=self.one)]
CREWS = {"kitchen": KitchenCrew, "house": HouseCrew}
def run(kind, **inputs): return CREWS[kind]().run(inputs)
"""
DECORATED = """
from crewai.project import CrewBase, agent, crew, task
@CrewBase
class Common:
    @agent
    def boss(self): return Agent(role="Boss", goal="G", backstory="B")
    @crew
    def crew(self): return Crew(agents=self.agents, tasks=self.tasks)
@CrewBase
class KitchenCrew(Common):
    @task
    def cook(self): return job("cook", agent=self.boss())
@CrewBase
class HouseCrew(Common):
    @task
    def clean(self): return job("clean", agent=self.boss())
"""


@pytest.mark.parametrize("code", [TEMPLATE, TEMPLATE.replace("raise NotImplementedError", "..."), DECORATED])
def test_a_crew_that_a_base_class_makes_is_one_for_each_class_that_is_made_of_it(code: str) -> None:
    crews = {crew.spec.name: [task.description for task in crew.spec.tasks] for crew in imported(code).crews}
    assert crews == {"Kitchen crew": ["cook"], "House crew": ["clean"]}


OWN_PARTS = """
class CookAgent(Agent):
    def __init__(self, llm=None, **more): super().__init__(role="Cook", goal="G", backstory="B", llm=llm, **more)
class MaidAgent(Agent):
    role: str = "Maid"
    goal: str = "G"
    backstory: str = "B"
class Loud(Agent):
    def speak(self): print(self.role)
"""


def test_own_classes_of_agents_are_agents_where_nothing_makes_them() -> None:
    assert agents_of(OWN_PARTS) == {"cook_agent": "Cook", "maid_agent": "Maid"}


LISTS = """
from dataclasses import field
from enum import Enum
@dataclass
class Spec:
    role: str
    def build(self): return Agent(role=self.role, goal="G", backstory="B")
class Roles(Enum):
    COOK = Spec("Cook")
    MAID = Spec("Maid")
@dataclass
class Desk:
    todo: list = field(default_factory=list)
    def crew(self):
        def task(text, who): return Task(description=text, expected_output="E", agent=who)
        staff = [one.value.build() for one in Roles]
        for who in staff: self.todo.append(task(f"work of {who.role}", who))
        return Crew(agents=staff, tasks=self.todo)
"""


def test_members_of_an_enum_and_lists_of_a_class_of_data_hold_what_is_put_in() -> None:
    spec = imported(LISTS).spec
    assert spec is not None
    assert [agent.key for agent in spec.agents] == ["cook", "maid"]
    assert [(task.key, task.agent) for task in spec.tasks] == [("work_of_cook", "cook"), ("work_of_maid", "maid")]


MAKER = "def make_crew(agents, tasks):\n    return Crew(agents=agents, tasks=tasks)\n"
CALLED = f"""
from helpers import make_crew
from crewai import Agent, Task
def job(text, **more): return Task(description=text, expected_output="E", **more)
class Desk:
    def look(self, url):
        cook = {COOK}
        crew = make_crew(GIVEN)
        return crew.kickoff()
    def mend(self, url):
        maid = Agent(role="Maid", goal="G", backstory="B")
        crew = make_crew(MORE)
        return crew.kickoff()
"""


@pytest.mark.parametrize("form", ["agents=[{0}], tasks=[job('x', agent={0})]", "[{0}], [job('x', agent={0})]"])
def test_a_helper_of_another_file_makes_a_crew_at_each_call(form: str) -> None:
    code = CALLED.replace("GIVEN", form.format("cook")).replace("MORE", form.format("maid"))
    result = read_uploads([("helpers.py", f"from crewai import Crew\n{MAKER}".encode()), ("desk.py", code.encode())])
    crews = {crew.spec.name: [agent.key for agent in crew.spec.agents] for crew in result.crews}
    assert crews == {"Look": ["cook"], "Mend": ["maid"]}


FOR_EACH = f"""
def crew_for(topic):
    cook = {COOK}
    return Crew(agents=[cook], tasks=[job(f"On {{topic}}", agent=cook)])
first, second = TOPICS
crew_for(first)
crew_for(second)
"""


@pytest.mark.parametrize(("topics", "times"), [("['bees', 'ants']", 1), ("['bees', 'bees']", 0)])
def test_a_crew_that_is_built_for_several_values_says_so(topics: str, times: int) -> None:
    assert said(imported(FOR_EACH.replace("TOPICS", topics)), "for several values; the first are the d") == times


WRAPPED = """
class Slow:
    def __init__(self, base): self.base = base
    def __getattr__(self, name): return getattr(self.base, name)
cook = Agent(role="Cook", goal="G", backstory="B", llm=Slow(LLM(model="gemini/gemini-2.0-flash")),
    allow_delegation=bool({"a": 1}.get("a", False)))
Crew(agents=[cook], tasks=[job("x", agent=cook)])
"""


def test_the_model_that_an_own_class_keeps_is_taken() -> None:
    result = imported(WRAPPED)
    assert result.spec is not None
    assert result.spec.agents[0].llm.model == "gemini/gemini-2.0-flash"
    assert result.spec.agents[0].allow_delegation is True
    assert said(result, "`Slow` is Python and was not imported; the model that it keeps was taken")


TWICE = f"""
class Desk:
    def __init__(self, reset=False): self.reset = reset
    def crew(self):
        cook = {COOK}
        return Crew(agents=[cook], tasks=[job("x", agent=cook)])
def run(): Desk().crew().kickoff()
def reset(): Desk(reset=True).crew().kickoff()
"""
PHASES = f"""
class Desk:
    def _create_and_run(self, agents, tasks): return Crew(agents=agents, tasks=tasks).kickoff()
    def run(self):
        cook = {COOK}
        search_task = job("x", agent=cook)
        found = self._create_and_run([cook], [search_task])
        for lang in ["ar", "he"]:
            send_task = job(f"Send {{lang}}", agent=cook)
            self._create_and_run([cook], [send_task])
"""


@pytest.mark.parametrize(
    ("code", "crews"), [(TWICE, {"Desk": "x"}), (PHASES, {"Search task": "x", "Send task": "Send {lang}"})]
)
def test_equal_crews_are_one_and_those_of_a_helper_are_called_by_their_tasks(code: str, crews: dict[str, str]) -> None:
    assert {crew.spec.name: crew.spec.tasks[0].description for crew in imported(code).crews} == crews


CHOSEN = """
staff = {"a": Agent(role="Cook", goal="G", backstory="B"), "b": Agent(role="Maid", goal="G", backstory="B")}
def run(q, kind="b"):
    texts = {"a": f"Cook {q}", "b": f"Clean {q}"}
    return Crew(agents=[staff[kind]], tasks=[job(texts[kind], agent=staff[kind])]).kickoff()
"""


def test_an_agent_that_a_run_chooses_by_a_value_with_a_default_is_said() -> None:
    result = imported(CHOSEN)
    assert result.spec is not None
    assert [agent.role for agent in result.spec.agents] == ["Maid"]
    assert said(result, "Which one `staff[kind]` gives is only known when the code runs")
    assert said(result, "Which one `texts[kind]` gives is only known when the code runs")
