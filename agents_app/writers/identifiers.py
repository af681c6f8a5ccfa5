"""Names for what an exported file defines: valid, unique, and none that Python, CrewAI or the file itself uses."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass, field

from engine.text import latin

MAX_STEM = 60

TAKEN = frozenset(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *("agent", "agents", "agents_config", "ast", "before_kickoff", "after_kickoff", "checks", "crew", "crewai"),
        *("datetime", "inputs", "json", "jsonschema", "kickoff", "llm", "load_crew", "operator", "output", "path"),
        *("re", "regex", "result", "schemas", "self", "task", "tasks", "tasks_config", "tool", "tools", "zoneinfo"),
        *("Agent", "Annotated", "Any", "AnyUrl", "BaseModel", "BaseTool", "Callable", "ConditionalTask", "ConfigDict"),
        *("Crew", "CrewBase", "Field", "LLM", "LLMGuardrail", "Literal", "MCPServerHTTP", "MCPServerStdio", "Path"),
        *("Process", "ScrapeWebsiteTool", "SerperDevTool", "Task", "TaskOutput", "UUID", "ZoneInfo", "calculator"),
        *("create_static_tool_filter", "current_time", "date", "http_request", "knowledge_search", "length_check"),
        *("base_directory", "close_mcp_server", "get_mcp_tools", "is_crew_class", "load_configurations", "load_yaml"),
        *(
            "map_all_agent_variables",
            "map_all_task_variables",
            "mcp_connect_timeout",
            "mcp_server_params",
            "unknown_tool",
        ),
        *("mcp", "pattern_check", "schema_check", "time", "web_search", "scrape_website"),
    }
)


@dataclass(slots=True)
class Names:
    """Gives out identifiers, none of them twice."""

    taken: set[str] = field(default_factory=lambda: set(TAKEN))

    def take(self, wanted: str, *, instead: str) -> str:
        """``wanted`` if it is free and can be a name, else ``instead``, with a number if that is needed."""
        if wanted.isascii() and wanted.isidentifier() and not wanted.startswith("_") and wanted not in self.taken:
            self.taken.add(wanted)
            return wanted
        name, number = instead, 1
        while name in self.taken:
            number += 1
            name = f"{instead}_{number}"
        self.taken.add(name)
        return name


def class_name(text: str, *, fallback: str) -> str:
    """``Market report`` as ``MarketReport``: letters and digits of ASCII, the first a letter."""
    words = re.findall(r"[A-Za-z0-9]+", latin(text[:200]))
    name = "".join(word[:1].upper() + word[1:] for word in words)[:MAX_STEM]
    return name if name[:1].isalpha() else fallback


def snake_name(text: str, *, fallback: str) -> str:
    """``Größe in cm`` as ``grosse_in_cm``: an identifier of ASCII."""
    name = re.sub(r"[^a-z0-9]+", "_", latin(text[:200]).lower()).strip("_")[:MAX_STEM].rstrip("_")
    return name if name[:1].isalpha() else f"{fallback}_{name}".rstrip("_")


def file_stem(text: str, *, fallback: str = "crew") -> str:
    """A name as a file's, from a text of a person: lower-case letters, digits and ``-``, at most sixty."""
    name = re.sub(r"[^a-z0-9]+", "-", latin(text[:200]).lower()).strip("-")[:MAX_STEM].rstrip("-")
    return name or fallback
