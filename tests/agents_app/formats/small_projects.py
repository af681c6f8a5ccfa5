"""Small projects for the tests of importing, and what the reader says of them."""

from __future__ import annotations

from agents_app.formats import Imported

AGENTS = "writer:\n  role: {name} writer\n  goal: Write as {name}\n  backstory: b\n"
TASKS = "note:\n  description: Note of {name}\n  expected_output: e\n  agent: writer\n"
CREW = """
from crewai import Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, task

@CrewBase
class NAMECrew:
    {configs}
    @agent
    def writer(self): return Agent(config=self.agents_config["writer"])
    @task
    def note(self): return Task(config=self.tasks_config["note"])
    @crew
    def crew(self): return Crew(agents=self.agents, tasks=self.tasks)
"""


def project(name: str, folder: str, *, configs: str = "", below: str = "config/") -> dict[str, str]:
    return {
        f"{folder}crew.py": CREW.replace("NAME", name).format(configs=configs),
        f"{folder}{below}agents.yaml": AGENTS.format(name=name),
        f"{folder}{below}tasks.yaml": TASKS.format(name=name),
    }


def said(imported: Imported, *levels: str) -> list[str]:
    return [note.message for note in imported.report if note.level in (levels or ("warning", "error"))]


def roles(imported: Imported) -> dict[str, list[str]]:
    return {crew.spec.name: [agent.role for agent in crew.spec.agents] for crew in imported.crews}
