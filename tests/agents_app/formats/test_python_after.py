"""What code does to a crew's parts after it made them, which of two ways it goes, and what of that is said."""

import pytest

from agents_app.formats import Imported, read

HEAD = """
from datetime import datetime
from crewai import Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, task
from crewai_tools import FileReadTool, MCPServerAdapter
from kit import fork, knife, spoon
cook = Agent(role="Cook", goal="G", backstory="B")
def job(text, who=cook, **more):
    return Task(description=text, expected_output="E", agent=who, **more)
"""


def imported(code: str) -> Imported:
    result = read(HEAD + code)
    assert result.spec is not None, result.report
    return result


def said(result: Imported, part: str) -> int:
    return sum(part in note.message for note in result.report)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("cook.add_tool(knife)\ncook.add_tool(fork)", "fork knife"),
        ("cook.add_tools([knife, fork])", "fork knife"),
        ("cook.tools.append(knife)", "knife"),
        ("cook.tools.extend([knife, spoon])", "knife spoon"),
        ("cook.tools += [fork]", "fork"),
        ("cook.tools = [fork]\ncook.tools.append(spoon)", "fork spoon"),
        ("first.tools.append(knife)", "knife"),
    ],
)
def test_tools_that_are_given_after_the_agent_or_task_was_made_are_its_tools(change: str, expected: str) -> None:
    result = imported(f"first = job('x')\n{change}\nCrew(agents=[cook], tasks=[first])")
    assert " ".join(sorted(tool.name for tool in result.crews[0].tools)) == expected
    assert all(said(result, f"the tool `{name}` was left out") for name in expected.split())


def test_tools_that_a_list_of_one_agent_gets_are_not_those_of_another() -> None:
    code = "kit = [spoon]\na, b = (Agent(role=r, goal='G', backstory='B', tools=kit) for r in 'AB')\n"
    code += "a.add_tool(knife)\nCrew(agents=[a, b], tasks=[job('x', a)])"
    tools = {tool.name: tool.by for tool in imported(code).crews[0].tools}
    assert (len(tools["spoon"]), len(tools["knife"])) == (2, 1)


@pytest.mark.parametrize("tools", ["remote", "remote + [FileReadTool()]", "[*remote]", "server.tools", "given(remote)"])
def test_tools_of_an_mcp_server_are_said_as_such(tools: str) -> None:
    code = "def given(tools=None):\n    if tools is None:\n        tools = []\n    return tools\n"
    code += f"server = MCPServerAdapter(1)\nwith MCPServerAdapter(1) as remote:\n    cook.tools = {tools}\n"
    result = imported(code + "Crew(agents=[cook], tasks=[job('x')])")
    assert said(result, "`MCPServerAdapter` was left out (give the agent mcp")
    assert not said(result, "a Python tool of the project")


DESK = """
@CrewBase
class Desk:
    @agent
    def cook(self): return Agent(role="Cook", goal="g", backstory="b")
    @agent
    def clerk(self): return Agent(role="Clerk", goal="g", backstory="b")
    @task
    def note(self): return job("x", self.cook())
    @task
    def bill(self): return job("y", self.clerk())
    @crew
    def crew(self):
        plan = PLAN
        if plan:
            agents = [getattr(self, name)() for name in plan.needed]
            tasks = [getattr(self, name)() for name in plan.steps]
        else:
            agents, tasks = self.agents, self.tasks
        return Crew(agents=agents, tasks=tasks)
"""


@pytest.mark.parametrize(
    ("plan", "how"),
    [
        ("getattr(self, '_plan', None)", "by the values that are written there it does not hold"),
        ("fetch()", "as if it does not, which gives its parts in full"),
    ],
)
def test_the_branch_that_gives_the_parts_in_full_is_read(plan: str, how: str) -> None:
    result = imported(DESK.replace("PLAN", plan))
    assert result.spec is not None
    assert [task.description for task in result.spec.tasks] == ["x", "y"]
    assert said(result, how)
    assert not said(result, "could not be followed")


def test_a_list_that_grows_in_a_loop_over_something_unknown_has_no_known_length() -> None:
    code = "parts = []\nfor n, text in enumerate(fetch()):\n    if n > 3:\n        parts.append(text)\n"
    code += "parts.append(fetch())\ntasks = [job('x') for n in range(len(parts))]\nCrew(agents=[cook], tasks=tasks)"
    result = imported(code)
    assert result.spec is not None
    assert len(result.spec.tasks) == 1
    assert said(result, "the loop over it was read once")


ONE_CREW = "\nCrew(agents=[cook], tasks=[first])\n"
TWO_TONES = "if fetch(): tone = 'a'\nelse: tone = 'b'\n"
THREE_TONES = "if fetch() == 1: tone = 'a'\nelif fetch() == 2: tone = 'b'\nelse: tone = 'c'\n"
PICK = """
def pick(n):
    if n == 1: return job('x')
    if n == 2: return job('y')
    return job('z')
first = pick(fetch())
"""


@pytest.mark.parametrize(
    ("code", "times"),
    [
        (f"tone = 'a'\nif fetch() == 1: tone = 'b'\nfirst = job(tone){ONE_CREW}", 1),
        (f"first = job('x'){ONE_CREW}{TWO_TONES}", 0),
        (f"{THREE_TONES}first = job(tone){ONE_CREW}", 1),
        (f"{PICK}{ONE_CREW}", 1),
        (PICK.replace("job(", "Task(expected_output='E', description=") + ONE_CREW, 1),
        (f"first = job('x')\n{TWO_TONES}first.expected_output = tone{ONE_CREW}", 1),
    ],
)
def test_which_way_was_read_is_said_once_and_only_where_a_crew_may_depend_on_it(code: str, times: int) -> None:
    assert said(imported(code), "is only known when the code runs") == times


def test_parts_of_own_classes_are_called_as_their_variables_and_inputs_as_their_places_in_templates() -> None:
    code = """
class Own(Agent):
    def __init__(self, role, **more): super().__init__(role=role, goal="G", backstory="B", **more)
def staff():
    head_cook = Own("A")
    return {"head": head_cook, "rest": Own("B")}
made = staff()
values = {"day": datetime.now().strftime("%d")}
first = job("On {day}".format(**values), made["head"], output_file=None)
other = job("At {hour}".format(hour=datetime.now().strftime("%H")), made["rest"])
Crew(agents=[made["head"], made["rest"]], tasks=[first, other])
"""
    spec = imported(code).spec
    assert spec is not None
    assert [agent.key for agent in spec.agents] == ["head_cook", "rest"]
    assert [task.description for task in spec.tasks] == ["On {day}", "At {hour}"]


def test_parts_of_files_that_were_not_given_are_named_with_their_module() -> None:
    code = "from agents.maids import make_maid, boy\n"
    code += "Crew(agents=[cook, make_maid(), boy], tasks=[job('x', make_maid()), job('y', boy)])"
    result = imported(code)
    assert said(result, "`agents.maids` is not among the files: import it too, or fill in what comes from it")
    assert said(result, "agent `make_maid`, agent `boy`")
    assert not said(result, "code that could not be followed")
    assert not said(result, "chosen by code")


def test_classes_that_get_the_texts_of_an_agent_or_a_task_make_such_wherever_they_come_from() -> None:
    code = """
from crewai.agents.agent_adapters.langgraph.langgraph_adapter import LangGraphAgentAdapter
from our.kitchen import Recipe
from llama_index.core.tools import FunctionTool
count = FunctionTool.from_defaults(fn=len)
maid = LangGraphAgentAdapter(role="Maid", goal="G", backstory="B", tools=[count])
Crew(agents=[maid], tasks=[Recipe(description="x", expected_output="E", agent=maid)])
"""
    result = imported(code)
    assert result.spec is not None
    assert (result.spec.agents[0].role, result.spec.tasks[0].description) == ("Maid", "x")
    assert said(result, "`Recipe` is not defined in this source: it was read as a task, by what it is given")
    assert said(result, "the tool `count` was left out")
