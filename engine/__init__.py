"""Crewsite's engine: runs crews of LLM agents, without Django, Celery or a database.

What is imported here is the Python API, under the names that CrewAI's users know. The wings:

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
