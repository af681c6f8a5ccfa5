"""CrewAI's managers, planning, delegation, approvals and questions are read as they are meant, and nothing of them is
said to be missing."""

from __future__ import annotations

import pytest

from agents_app.formats import read_files
from engine.spec.crew_spec import LLMSpec, QuestionGuardrail
from engine.spec.validate import validate

SOURCE = """
from crewai import LLM, Agent, Crew, Process, Task
from crewai.tasks.llm_guardrail import LLMGuardrail

boss = Agent(role="Boss", goal="Lead", backstory="Strict", llm="gpt-4o")
writer = Agent(role="Writer", goal="Write", backstory="Brief", llm="gpt-4o", allow_delegation=True)
editor = Agent(role="Editor", goal="Edit", backstory="Keen", llm="gpt-4o", memory=True)
note = Task(description="Write about {topic}", expected_output="A note", agent=writer, human_input=True,
            guardrail="Does it name its sources?")
check = Task(description="Check it", expected_output="A verdict",
             guardrails=["Is it short?", LLMGuardrail(description="Is it polite?", llm="o3")])
crew = Crew(agents=[writer, editor], tasks=[note, check], process=Process.hierarchical, MANAGER,
            planning=True, planning_llm="o3", memory=True)
"""


@pytest.mark.parametrize(
    ("manager", "llm", "agent"),
    [
        ("manager_llm='gpt-4o'", LLMSpec(model="gpt-4o"), None),
        ("manager_llm=LLM(model='o3', seed=1)", LLMSpec(model="o3", seed=1), None),
        ("manager_agent=boss", None, "boss"),
    ],
)
def test_all_that_the_engine_runs_is_read(manager: str, llm: LLMSpec | None, agent: str | None) -> None:
    read = read_files({"": SOURCE.replace("MANAGER", manager)})
    spec = read.spec
    assert spec is not None
    assert (spec.process, spec.manager_llm, spec.manager_agent) == ("hierarchical", llm, agent)
    assert (spec.planning, spec.planning_llm) == (True, LLMSpec(model="o3"))
    assert (spec.agents[0].allow_delegation, spec.tasks[0].human_input) == (True, True)
    assert spec.tasks[0].guardrails == (QuestionGuardrail(question="Does it name its sources?"),)
    assert spec.tasks[1].guardrails == (
        QuestionGuardrail(question="Is it short?"),
        QuestionGuardrail(question="Is it polite?", llm=LLMSpec(model="o3")),
    )
    assert not [complaint for complaint in validate(spec) if complaint.level == "error"]


def test_nothing_of_it_is_left_out_and_memory_is_every_agents() -> None:
    read = read_files({"": SOURCE.replace("MANAGER", "manager_agent=boss")})
    assert [note.message for note in read.report if note.level != "info"] == []
    assert read.spec is not None
    assert [agent.memory for agent in read.spec.agents] == [True] * len(read.spec.agents)


def test_an_agents_own_memory_is_read() -> None:
    read = read_files({"": SOURCE.replace("MANAGER", "manager_agent=boss").replace('"o3", memory=True', '"o3"')})
    assert read.spec is not None
    assert {agent.key: agent.memory for agent in read.spec.agents}["editor"]
    assert not {agent.key: agent.memory for agent in read.spec.agents}["writer"]
