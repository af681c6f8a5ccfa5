"""Crewsite's engine: runs crews of LLM agents, without Django, Celery or a database.

What can be imported from here is the Python API, under the names that CrewAI's users know. A name is loaded when it is
first asked for, so that whoever needs a wing alone, as the web does, does not load how crews run. The wings:

- ``crewai``: that API.
- ``crew``: how a crew runs.
- ``record``: the journal of a run, its progress, and its limits.
- ``tools``: what agents may call.
- ``providers``: how a model is asked.
- ``spec``: what a crew is.
- ``web``: HTTP to addresses that strangers chose, and web pages as text.
- ``catalogue``: ids, abilities and prices of models.

Below all of them: ``errors``, ``cache``, ``text`` and ``concurrency``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.crewai.blueprints import LLM, Agent, Process, ScrapeWebsiteTool, SerperDevTool, Task
    from engine.crewai.kickoff import Crew
    from engine.crewai.own_tools import BaseTool, tool
    from engine.crewai.results import CrewOutput, KickoffFailed, TaskOutput, UsageMetrics

__all__ = [
    "LLM",
    "Agent",
    "BaseTool",
    "Crew",
    "CrewOutput",
    "KickoffFailed",
    "Process",
    "ScrapeWebsiteTool",
    "SerperDevTool",
    "Task",
    "TaskOutput",
    "UsageMetrics",
    "tool",
]

_HOMES = {
    "blueprints": ("LLM", "Agent", "Process", "ScrapeWebsiteTool", "SerperDevTool", "Task"),
    "kickoff": ("Crew",),
    "own_tools": ("BaseTool", "tool"),
    "results": ("CrewOutput", "KickoffFailed", "TaskOutput", "UsageMetrics"),
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    found = getattr(import_module(f"engine.crewai.{home}"), name)
    if name == "Crew":  # whose first one with a real model would wait seconds for it
        import_module("engine.providers.library.ahead").begin()
    return found
