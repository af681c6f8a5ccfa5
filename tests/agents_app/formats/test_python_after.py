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


@pytest.mark.parametrize(
    ("kit", "names"),
    [
        ("ComposioToolSet(api_key='k').get_tools(actions=['MAIL_READ', 'MAIL_SEND'])", "MAIL_READ MAIL_SEND"),
        ("ComposioToolSet().get_tools(actions=[Action.MAIL_SEND])", "MAIL_SEND"),
        ("ComposioToolSet().get_tools(fetch())", "ComposioToolSet"),
        ("ArcadeToolManager().get_tools(toolkits=['Math'])", "Math"),
        ("[*ComposioToolSet().get_tools(['MAIL_READ']), FileReadTool()]", "FileReadTool MAIL_READ"),
    ],
)
def test_tools_of_a_service_are_called_by_their_names_and_are_not_the_projects_own(kit: str, names: str) -> None:
    code = "from composio_crewai import Action, ComposioToolSet\nfrom crewai_arcade import ArcadeToolManager\n"
    code += f"class Desk:\n    def __init__(self): self.tools = {kit}\n"
    result = imported(code + "cook.tools = Desk().tools\nCrew(agents=[cook], tasks=[job('x')])")
    assert " ".join(sorted(tool.name for tool in result.crews[0].tools)) == names
    assert said(result, "give the agent mcp")
    assert not said(result, "a Python tool of the project")


@pytest.mark.parametrize("given", ["conf.get('tools', [])", "[]", "conf['none']"])
def test_an_agent_that_is_given_no_tools_has_none(given: str) -> None:
    code = "conf = {'a': [], 'none': []}\ndef build(names): return [shelf[name]() for name in names]\n"
    result = imported(code + f"cook.tools = build({given})\nCrew(agents=[cook], tasks=[job('x')])")
    assert result.crews[0].tools == ()


def test_a_list_with_a_name_may_be_filled_by_what_is_not_seen() -> None:
    code = "names = []\nfill(names)\nCrew(agents=[cook], tasks=[job(name) for name in names])"
    assert said(imported(code), "the loop over it was read once")


CHOSEN = """
import os
from crewai import LLM
def load():
    try:
        provider = os.getenv("PROVIDER", "groq")
    except OSError:
        provider = "groq"
    return provider, 1
def model():
    provider, number = load()
    if provider == "gemini":
        return LLM(model="gemini/x")
    REST
cook.llm = model()
Crew(agents=[cook], tasks=[job("x")])
"""


@pytest.mark.parametrize("rest", ['if provider == "groq": return LLM(model="groq/y")', 'return LLM(model="groq/y")'])
def test_a_model_that_the_environment_chooses_is_said(rest: str) -> None:
    result = imported(CHOSEN.replace("REST", rest))
    assert result.spec is not None
    assert result.spec.agents[0].llm.model == "groq/y"
    assert said(result, "Whether `provider == 'gemini'` holds is only known when the code runs") == 1


def test_what_a_class_is_called_with_is_known_before_it_is_followed_by_itself() -> None:
    code = (
        "class Maker:\n    @staticmethod\n    def make(llm=None):\n        if llm is None:\n            llm = 'gpt-4'\n"
    )
    code += "        return Agent(role='R', goal='G', backstory='B', llm=llm)\n"
    code += "def run():\n    maid = Maker.make('gpt-4o')\n    return Crew(agents=[maid], tasks=[job('x', maid)])"
    result = imported(code)
    assert not said(result, "is only known when the code runs")
    assert not said(result, "is not part of the crew") or said(result, "`cook`") == 1


def test_a_dictionary_among_the_tasks_before_is_said_with_what_it_says() -> None:
    code = "first = job('x')\nCrew(agents=[cook], tasks=[first, job('y', context=[first, {'description': 'Be kind'}])])"
    result = imported(code)
    assert result.spec is not None
    assert result.spec.tasks[1].context == ("first",)
    assert said(result, "a dictionary in its context is no task (Be kind); put what it says into the description")


COUNTED = """
def run(rows):
    many = good = 0
    limit = 3
    for row in rows:
        if fetch(row): limit = 5
        result = Crew(agents=[cook], tasks=[job(f"At most {limit}")]).kickoff()
        text = result.raw.lower()
        if "none" in text: many += 1
        else: good += 1
        if len(text) > 3: text = "Long."
    return many, good
"""


def test_of_branches_that_count_what_crews_answered_nothing_is_said() -> None:
    result = imported(COUNTED)
    assert said(result, "the crew was read as if it does") == 1
    assert said(result, "Whether `fetch(row)` holds")


@pytest.mark.parametrize(
    "code",
    [
        "limit = 3\nif fetch(): limit = 5\nfirst = job(f'At most {limit}')",
        "tone = 'a'\nif fetch(): tone += 'b'\ntext = tone.upper()\nfirst = job(text)",
        "def tone():\n    kind = 'a'\n    if fetch(): kind = 'b'\n    return kind\nfirst = job(tone())",
        "def made(text): return job(text)\ntone = 'a'\nif fetch(): tone = 'b'\nfirst = made(tone)",
        "conf = {}\ntone = 'a'\nif fetch(): tone = 'b'\nconf['text'] = tone\nfirst = job(**conf)",
        "more = []\ntone = 'a'\nif fetch(): tone = 'b'\nmore.append(tone)\nfirst = job('; '.join(more))",
        "many = 1\nif fetch(): many = 2\nfirst = job('x')\nif many > 1: cook.add_tool(knife)",
        "class Desk:\n  def __init__(self):\n    self.n = 1\n    if fetch(): self.n = 2\nfirst = job(Desk().n)",
    ],
)
def test_what_a_branch_sets_and_a_crew_may_hang_on_is_said(code: str) -> None:
    assert said(imported(code + ONE_CREW), "Whether `fetch()` holds is only known when the code runs") == 1


def test_what_is_put_into_a_list_later_is_not_in_the_context_that_it_was_given_as() -> None:
    code = "done = []\nfor text in 'xyz': done.append(job(text, context=done))\nCrew(agents=[cook], tasks=done)"
    spec = imported(code).spec
    assert spec is not None
    assert [len(task.context or ()) for task in spec.tasks] == [0, 1, 2]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("if fetch(): print(1)\nelse: Crew(agents=[cook], tasks=[job('x')])", "the crew was read as if it does not."),
        ("if fetch(): Crew(agents=[cook], tasks=[job('x')])", "the crew was read as if it does."),
        (
            "more = []\nif fetch(): more.append(job('x'))\nif not fetch(): more.append(job('y'))\nALL",
            "Whether `not fetch()` holds is only known when the code runs: what is made if it does was read too.",
        ),
        (
            "more = []\nif fetch(): more.append(job('x'))\nelse: more.append(job('y'))\nALL",
            "what both ways add was read",
        ),
    ],
)
def test_the_way_that_was_read_is_the_one_that_is_said(code: str, how: str) -> None:
    assert said(imported(code.replace("ALL", "Crew(agents=[cook], tasks=more)")), how) == 1


def test_tools_that_are_looked_up_by_name_are_found() -> None:
    code = """
from crewai.tools import tool
@tool("Fetch it")
def fetch_it(a): return a
@tool
def count(a): return a
def named(name):
    for one in [fetch_it, count]:
        if one.name == name: return one
    return None
cook.tools = [named("count"), named("Fetch it")]
Crew(agents=[cook], tasks=[job("x")])
"""
    assert [tool.name for tool in imported(code).crews[0].tools] == ["count", "fetch_it"]


@pytest.mark.parametrize(
    ("kit", "name"),
    [
        ("made(fetch())", "fetch"),
        ("Kit().get_profile_tools()", "get_profile_tools"),
        ("[Tool(name='web_search', func=print)]", "web_search"),
    ],
)
def test_tools_that_code_gives_are_named_and_left_out(kit: str, name: str) -> None:
    code = "from langchain.tools import Tool\nfrom own.kits import Kit\ndef made(tools): return tools or []\n"
    result = imported(code + f"cook.tools = {kit}\nCrew(agents=[cook], tasks=[job('x')])")
    assert [(tool.name, tool.stands_for) for tool in result.crews[0].tools] == [(name, "")]
    assert said(result, f"the tool `{name}` was left out (a Python tool of the project is not imported")


def test_a_context_of_another_crews_task_is_empty_and_an_output_is_no_task() -> None:
    code = "from crewai.tasks.task_output import TaskOutput\nfirst = job('x')\nCrew(agents=[cook], tasks=[first])\n"
    code += "a, b = job('a'), job('b', context=[first])\nCrew(agents=[cook], tasks=[a, b])\n"
    code += "def fake(): return TaskOutput(description='d', expected_output='e', raw='r', agent='x')\nfake()"
    result = imported(code)
    assert result.spec is not None
    assert [task.context for task in result.spec.tasks] == [None, ()]
    assert not said(result, "TaskOutput")
    assert not said(result, "not part of the crew")


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nif fetch() not in sys.path: sys.path.append(fetch())",
        "def note(topic):\n  parts = []\n  if topic.strip(): parts.append(topic)\n  return parts\nprint(note(fetch()))",
        "class Log:\n    def put(self, x):\n        if x: self.rows.append(x)\nLog().put(fetch())",
    ],
)
def test_what_branches_fill_that_no_crew_holds_is_not_said(code: str) -> None:
    assert not said(imported(f"{code}\nparts = ['x']\nCrew(agents=[cook], tasks=[job(' '.join(parts))])"), "Whether")


@pytest.mark.parametrize(("process", "agents"), [("sequential", ["cook"]), ("hierarchical", ["cook", "chief"])])
def test_a_manager_is_an_agent_of_a_crew_that_has_tasks_handed_out(process: str, agents: list[str]) -> None:
    code = "from crewai import Process\nchief = Agent(role='Chief', goal='G', backstory='B')\n"
    code += f"Crew(agents=[cook], tasks=[job('x')], manager_agent=chief, process=Process.{process})"
    result = imported(code)
    assert result.spec is not None
    assert [agent.key for agent in result.spec.agents] == agents
    assert said(result, "manager_agent has no effect") == (process == "sequential")
