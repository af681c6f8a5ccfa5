"""The names of the built-in tools and what each is for. Validation and forms need them without loading the tools."""

from __future__ import annotations

TOOL_SUMMARIES: dict[str, str] = {
    "web_search": "Search the web (needs a Serper key)",
    "scrape_website": "Read the text of a web page",
    "knowledge_search": "Search the team's documents (page Knowledge)",
    "http_request": "Ask hosts that you name (its settings list them)",
    "mcp": "The tools of an MCP server (its settings name it)",
    "calculator": "Work out an arithmetic expression exactly",
    "current_time": "The date and time now, in a time zone",
}

NEEDS_SETTINGS = frozenset({"http_request", "mcp"})
"""Tools that do nothing without settings, which say what they may reach."""

BUILT_IN_TOOLS = frozenset(TOOL_SUMMARIES)
