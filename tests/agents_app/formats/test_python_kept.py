"""What code keeps in a library's things and in files beside it: agents in a session, prompts, templates."""

import pytest

from agents_app.formats import Imported, read, read_uploads

HEAD = "from crewai import Agent, Crew, Task\n"
COOK = 'Agent(role="Cook", goal="G", backstory="B")'


def imported(code: str, **files: str) -> Imported:
    result = read_uploads(
        [("app/crew.py", (HEAD + code).encode())]
        + [(f"app/prompts/{name}.{ending}", text.encode()) for name, text in files.items() for ending in ("md", "j2")]
    )
    assert result.spec is not None, result.report
    return result


SESSION = f"""
import streamlit as st
if "staff" not in st.session_state:
    st.session_state.staff = {{"cook": {COOK}}}
    st.session_state["topic"] = ""
cook = st.session_state["staff"]["cook"]
todo = Task(description=f"On {{st.session_state.topic}}", expected_output="E", agent=cook)
Crew(agents=[cook], tasks=[todo])
"""
CHAT = f"""
import chainlit as cl
@cl.on_chat_start
async def start(): cl.user_session.set("cook", {COOK})
@cl.on_message
async def main(message):
    cook = cl.user_session.get("cook")
    todo = Task(description="On " + message.content, expected_output="E", agent=cook)
    await Crew(agents=[cook], tasks=[todo]).kickoff_async()
"""
NAMED = """
class Staff:
    def __getattr__(self, name): return Agent(role=name.title(), goal="G", backstory="B")
staff = Staff()
Crew(agents=[staff.cook], tasks=[Task(description="On {topic}", expected_output="E", agent=staff.cook)])
"""


@pytest.mark.parametrize("code", [SESSION, CHAT, NAMED])
def test_agents_that_are_kept_elsewhere_are_found_again(code: str) -> None:
    result = read(HEAD + code)
    assert result.spec is not None
    assert [(agent.key, agent.role) for agent in result.spec.agents] == [("cook", "Cook")]
    assert result.spec.tasks[0].agent == "cook"
    assert result.spec.tasks[0].description.startswith("On {")


PROMPTS = """
import os
from pathlib import Path
FOLDER = Path(__file__).resolve().parent / "prompts"
def load(name, default=""):
    path = FOLDER / f"{name}.md"
    if not path.exists():
        return default
    return path.read_text().strip()
one = Agent(role="R", goal=load("goal"), backstory=load("back"))
Crew(agents=[one], tasks=[Task(description=load(name="task"), expected_output=load(name="out"), agent=one)])
"""


@pytest.mark.parametrize("code", [PROMPTS, PROMPTS.replace("path.exists()", "os.path.isfile(path)")])
def test_a_file_that_is_there_exists_and_what_two_calls_give_is_two_inputs(code: str) -> None:
    spec = imported(code, goal="Know all", task="Do it").spec
    assert spec is not None
    assert (spec.agents[0].goal, spec.tasks[0].description) == ("Know all", "Do it")
    texts = spec.agents[0].backstory, spec.tasks[0].expected_output
    assert all(text.startswith("{") for text in texts)
    assert texts[0] != texts[1]


JINJA = """
from jinja2 import Environment, FileSystemLoader, Template
env = Environment(loader=FileSystemLoader("prompts"))
def load(name, **values): return env.get_template(f"{name}.j2").render(**values)
one = Agent(role="R", goal=Template("Know {{ topic }}").render(topic="bees"), backstory=load("back", who="Ann"))
first = Task(description=load("task", topic="{topic}"), expected_output=load("logic", a=1), agent=one)
Crew(agents=[one], tasks=[first, Task(description=load("nowhere"), expected_output="E", agent=one)])
"""


def test_templates_of_jinja_are_filled_and_those_with_logic_are_inputs() -> None:
    result = imported(JINJA, back="You are {{who}}.", task="Do {{ topic }}", logic="{% if a %}x{% endif %}")
    assert result.spec is not None
    first, other = result.spec.tasks
    assert (result.spec.agents[0].goal, result.spec.agents[0].backstory) == ("Know bees", "You are Ann.")
    assert first.description == "Do {topic}"
    assert first.expected_output.startswith("{")
    assert other.description == "[not imported: description, `nowhere.j2` was not given]"


COPIED = """
import copy, json, yaml
from crewai.project import CrewBase, agent, crew, task
with open("staff.yaml") as file: loaded = yaml.safe_load(file)
class Desk:
    def __init__(self): self.staff = COPY
    def cook(self):
        entry = self.staff.get("cook")
        return Agent(config=entry)
    def crew(self):
        cook = self.cook()
        return Crew(agents=[cook], tasks=[Task(description="D", expected_output="E", agent=cook)])
"""
YAML = "cook: {role: Cook, goal: G, backstory: B}\n"


@pytest.mark.parametrize(
    "copy",
    ["copy.deepcopy(loaded)", "copy.copy(loaded)", "loaded.copy()", "dict(loaded)", "json.loads(json.dumps(loaded))"],
)
def test_copies_of_what_yaml_holds_are_what_it_holds(copy: str) -> None:
    code = HEAD + COPIED.replace("COPY", copy)
    result = read_uploads([("crew.py", code.encode()), ("staff.yaml", YAML.encode())])
    assert result.spec is not None
    assert [agent.goal for agent in result.spec.agents] == ["G"]
    if "json" not in copy:
        assert not [note for note in result.report if "used by the Python" in note.message]


def test_a_deep_copy_is_not_changed_with_what_it_was_copied_from() -> None:
    code = "import copy\nbase = {'cook': {'role': 'Cook', 'goal': 'G', 'backstory': 'B'}}\nmine = copy.deepcopy(base)\n"
    code += "base['cook']['role'] = 'Other'\ncook = Agent(**mine['cook'])\nCrew(agents=[cook], tasks=[])"
    assert [agent.role for agent in read(HEAD + code).crews[0].spec.agents] == ["Cook"]


MODELS = """
import os
from dataclasses import dataclass, field
from langchain_openai import ChatOpenAI
@dataclass
class Config:
    model: str = field(default_factory=lambda: os.getenv("MODEL", "anthropic/claude-x"))
class Fallback(ChatOpenAI):
    others: list = []
def build(config: Config):
    first = ChatOpenAI(model="gpt-9")
    wrapped = Fallback(model=first.model_name, temperature=0.1)
    one = Agent(role="A", goal="G", backstory="B", llm=config.model)
    other = Agent(role="B", goal="G", backstory="B", llm=wrapped)
    return Crew(agents=[one, other], tasks=[Task(description="D", expected_output="E", agent=one)])
"""


def test_models_of_own_subclasses_and_of_what_a_setting_falls_back_on_are_taken() -> None:
    spec = imported(MODELS).spec
    assert spec is not None
    assert [agent.llm.model for agent in spec.agents] == ["anthropic/claude-x", "gpt-9"]


REPLACED = """
from datetime import datetime
LONG = f"Of {datetime.now()} from START to END"
def run(start, end):
    text = LONG.replace("START", start).replace("END", end).replace("datetime", "DATE").replace("from", "since")
    one = Agent(role="A", goal="G", backstory="B", llm=make_llm("x"))
    task = Task(description=text, expected_output="E", agent=one)
    return Crew(tasks=[task]).kickoff()
from models import make_llm
other = Agent(role="Other", goal="G", backstory="B")
"""


def test_what_a_run_puts_into_a_text_is_an_input_there_and_agents_are_those_of_the_tasks() -> None:
    result = imported(REPLACED)
    assert result.spec is not None
    assert result.spec.tasks[0].description == "Of {now} since {start} to {end}"
    assert [agent.role for agent in result.spec.agents] == ["A"]
    assert any("the model comes from `make_llm` of `models`, which is not" in note.message for note in result.report)


def test_a_yaml_file_may_have_the_other_ending() -> None:
    code = HEAD + COPIED.replace("COPY", "loaded")
    result = read_uploads([("crew.py", code.encode()), ("staff.yml", YAML.encode())])
    assert result.spec is not None
    assert [agent.goal for agent in result.spec.agents] == ["G"]
    assert any("`staff.yml` was taken for it" in note.message for note in result.report)
