"""What comes from modules and files that were not given: a crew of empty parts is offered, and each is said once."""

import pytest

from agents_app.formats import Imported, read, read_uploads
from engine.spec.placeholders import why_lost

HEAD = "from crewai import Agent, Crew, Process, Task\n"


def imported(code: str) -> Imported:
    result = read(HEAD + code)
    assert result.spec is not None, result.report
    return result


def absent(result: Imported) -> list[tuple[int | None, str]]:
    """What is said of modules and files that are not there, with its lines."""
    return [
        (note.line, note.message)
        for note in result.report
        if note.message.startswith("`") and "import it" in note.message
    ]


OBJECTS = """from Agents import DeskAgents
from desk_tasks import DeskTasks
agents, tasks = DeskAgents(), DeskTasks()
cook = agents.head_cook()
note = tasks.note(cook)
Crew(agents=[cook, agents.maid], tasks=[note])
"""
FUNCTIONS = """from kitchen.cooks import make_cook, maid
from .tasks import make_note
cook = make_cook(1)
Crew(agents=[cook, maid], tasks=[note := make_note(cook)])
"""


@pytest.mark.parametrize(
    ("code", "modules"), [(OBJECTS, ("Agents", "desk_tasks")), (FUNCTIONS, ("kitchen.cooks", ".tasks"))]
)
def test_parts_that_all_come_from_elsewhere_make_a_crew_to_be_filled_in(code: str, modules: tuple[str, str]) -> None:
    result = imported(code)
    assert result.spec is not None
    assert [agent.key for agent in result.spec.agents] == ["cook", "maid"]
    assert [why_lost(agent.goal) != "" for agent in result.spec.agents] == [True, True]
    assert len(result.spec.tasks) == 1
    assert [(line, message.partition(" ")[0]) for line, message in absent(result)] == [
        (number, f"`{module}`") for number, module in enumerate(modules, 2)
    ]
    assert absent(result)[0][1].endswith("fill in what comes from it (agent `cook`, agent `maid`).")
    assert result.crews[0].understood.agents == (0, 2)


def test_each_part_of_a_module_is_one_thing_wherever_it_is_named() -> None:
    code = "from parts import *\nfrom staff import AGENTS, Staff, make_all\nhelp = Staff(1)\nagents = make_all()\n"
    code += "first = Task(description='D', expected_output='E', agent=AGENTS['cook'])\n"
    code += "other = Task(description=PROMPT, expected_output=f'As {SHAPE}', agent=help.boy)\n"
    code += "third = Task(description='D', expected_output='E', agent=agents['maid'])\n"
    code += "Crew(agents=[AGENTS['cook'], help.boy, agents['maid'], girl], tasks=[first, other, third])"
    result = imported(code)
    assert result.spec is not None
    assert [agent.key for agent in result.spec.agents] == ["cook", "boy", "maid", "girl"]
    assert [task.agent for task in result.spec.tasks] == ["cook", "boy", "maid"]
    assert (
        why_lost(result.spec.tasks[1].description) == "description, `PROMPT` of `parts`, which is not among the files"
    )
    assert result.spec.tasks[1].expected_output == "As {shape}"
    assert [message.partition("from it ")[2] for _, message in absent(result)] == [
        "(agent `girl`, description of task other).",
        "(agent `cook`, agent `boy`, agent `maid`).",
    ]


LIST = """from work import make_tasks
cook = Agent(role="Cook", goal="G", backstory="B")
Crew(agents=[cook], tasks=make_tasks())
"""
RUN = """from crews.desk import DeskCrew
cook = Agent(role="Cook", goal="G", backstory="B")
Crew(agents=[cook], tasks=[Task(description="D", expected_output="E", agent=cook)])
DeskCrew().crew().kickoff(inputs={"a": 1})
"""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (LIST, "`work` is not among the files: import it too, or fill in what comes from it (the crew's tasks)."),
        (RUN, "`crews.desk` is not among the files: import it too, for the crew that is run here (`DeskCrew.crew`)."),
    ],
)
def test_a_list_and_a_crew_from_elsewhere_are_said_once(code: str, message: str) -> None:
    result = imported(code)
    assert absent(result) == [(2, message)]
    assert not [note for note in result.report if "put together by code" in note.message or "add tasks" in note.message]


def test_a_crew_whose_lists_both_come_from_elsewhere_names_their_modules() -> None:
    result = read(
        f"{HEAD}from staff import make_agents\nfrom work import make_tasks\nagents = make_agents()\n"
        "Crew(agents=agents, tasks=make_tasks(agents))"
    )
    assert result.spec is None
    assert (
        result.report[0].message
        == "Its agents and tasks come from `staff`, `work`, which are not given: import them too."
    )
    assert result.report[0].line == 2


YAML = """import yaml
from pathlib import Path
HERE = Path(__file__).parent
staff = yaml.safe_load((HERE / "config" / "staff.yaml").read_text())
work = yaml.safe_load((HERE / "crews" / pick() / "work.yaml").read_text())
made = {}
for name, entry in staff.items():
    made[name] = Agent(role=entry["role"], goal=entry["goal"], backstory=entry["backstory"])
todo = [Task(description=one["description"], expected_output=one["expected_output"], agent=made[one["agent"]])
        for one in work.values()]
Crew(agents=list(made.values()), tasks=todo)
"""


BY_COMPREHENSION = YAML.replace("for name, entry in staff.items():\n    made[name] = Agent", "made = {name: Agent")
BY_COMPREHENSION = BY_COMPREHENSION.replace('["backstory"])', '["backstory"]) for name, entry in staff.items()}', 1)


@pytest.mark.parametrize("made", [YAML, BY_COMPREHENSION])
def test_loops_over_yaml_that_was_not_given_make_one_part_that_is_to_be_filled_in(made: str) -> None:
    result = imported(made)
    assert result.spec is not None
    assert [task.agent for task in result.spec.tasks] == [agent.key for agent in result.spec.agents]
    assert why_lost(result.spec.agents[0].role) == "role, `config/staff.yaml` was not given"
    assert why_lost(result.spec.tasks[0].description) == "description, `work.yaml` was not given"
    assert [message.partition(":")[0] for _, message in absent(result)] == [
        "`config/staff.yaml` was not given",
        "`work.yaml` was not given",
    ]
    given = read_uploads(
        [
            ("crew.py", (HEAD + made).encode()),
            ("config/staff.yaml", b"cook: {role: Cook, goal: G, backstory: B}"),
            ("work.yaml", b"note: {description: D, expected_output: E, agent: cook}"),
        ]
    )
    assert given.spec is not None
    assert [(agent.key, agent.role) for agent in given.spec.agents] == [("cook", "Cook")]
    assert [(task.description, task.agent) for task in given.spec.tasks] == [("D", "cook")]


def test_a_module_that_cannot_be_read_is_not_called_one_that_is_not_there() -> None:
    crew = HEAD + "from agents import cook\nimport tools\n"
    crew += "t = Task(description='D', expected_output='E', agent=cook)\nCrew(agents=[cook, tools.maid], tasks=[t])"
    files = {"crew.py": crew, "agents.py": "x = 1\ndef cook(:", "tools.py": "def maid(:"}
    result = read_uploads([(path, text.encode()) for path, text in files.items()])
    assert result.spec is not None
    assert [agent.key for agent in result.spec.agents] == ["cook", "maid"]
    assert why_lost(result.spec.agents[0].goal) == "goal, `cook` of `agents.py`, which could not be read"
    said = [note.message for note in result.report]
    assert "`agents.py` could not be read: mend it, or fill in what comes from it (agent `cook`)." in said
    assert not any("is not among the files" in message for message in said)


GIVEN = """
def build(job, llm_medium):
    agents, tasks = [], []
    for agent in job["agents"]:
        agents.append(Agent(role=agent["role"], goal=agent["goal"], backstory=agent["backstory"], llm=llm_medium))
        for config in agent["tasks"]:
            tasks.append(Task(**config))
            tasks.append(Task(description=config["text"], expected_output=config["out"], agent=agent))
    return Crew(agents=agents, tasks=tasks)
"""


def test_what_a_loop_finds_in_something_unknown_is_no_name_of_an_agent_and_in_no_file() -> None:
    result = imported(GIVEN)
    assert result.spec is not None
    assert [agent.role for agent in result.spec.agents] == ["{agent_role}"]
    said = " ".join(note.message for note in result.report)
    assert "what `config` holds is only known when the code runs" in said
    assert "no call in the source gives the model `llm_medium`" in said
    assert "yaml" not in said
    assert "is not defined" not in said
