"""Crewsite's engine: runs crews of LLM agents. What CrewAI's users know, under the same names, is importable from
here.
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
