"""Crewsite's engine: runs crews of LLM agents. What CrewAI's users know, under the same names, is importable from
here.
"""

from __future__ import annotations

from engine.blueprints import LLM, Agent, Process, ScrapeWebsiteTool, SerperDevTool, Task
from engine.custom_tools import BaseTool, tool
from engine.kickoff import Crew
from engine.kickoff_results import CrewOutput, KickoffFailed, TaskOutput, UsageMetrics

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
