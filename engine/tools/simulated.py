"""Stand-ins for network tools in simulated runs. They ask nobody, and what they return says so.

They answer at once: only models take their time here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from engine.simulated.pages import page_text, search_results
from engine.tools.http_request import request_facts
from engine.tools.scrape import page_facts
from engine.tools.tool import Effect, Tool, ToolFacts, ToolSource, tool_name
from engine.tools.web_search import DEFAULT_RESULTS, WebSearch

MAX_ECHO_CHARS = 200
"""Of what a stand-in was asked with, it repeats so much."""


class SimulatedSearch:
    """Made-up results on ``example.com``, as many and as long as real ones, labelled as simulated."""

    facts: ToolFacts = WebSearch.facts

    def __init__(self, *, n_results: int = DEFAULT_RESULTS) -> None:
        self._n_results = n_results

    async def run(self, arguments: dict[str, Any]) -> str:
        return search_results(str(arguments["query"])[:MAX_ECHO_CHARS], self._n_results)


class SimulatedRequest:
    """Looks to the model like the real tool with the same settings."""

    def __init__(self, *, allowed_hosts: tuple[str, ...], methods: tuple[str, ...]) -> None:
        self.facts = request_facts(allowed_hosts, methods)

    async def run(self, arguments: dict[str, Any]) -> str:
        asked = f"{arguments.get('method', 'GET')} {arguments['url']}"
        return f"Simulated answer to: {asked[:MAX_ECHO_CHARS]}\nThis is a simulated answer. Nothing was sent."


class SimulatedMcpServer(ToolSource):
    """Has the tools that the settings name, else one called ``mcp``: the server is not asked for its tools."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._names = config.get("tools") or ["mcp"]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Tool, ...]]:
        yield tuple(map(_SimulatedMcpTool, self._names))


class _SimulatedMcpTool:
    def __init__(self, name: str) -> None:
        self.facts = ToolFacts(
            name=tool_name(name),
            original_name=name,
            description=f"The tool {name} of an MCP server, simulated.",
            effect=Effect.UNSAFE,
            cacheable=False,
        )

    async def run(self, arguments: dict[str, Any]) -> str:
        return f"Simulated result of {self.facts.identity}\nThis is a simulated result. No server was asked."


class SimulatedScrape:
    """A made-up page, as long as a real one, labelled as simulated."""

    def __init__(self, *, fixed_url: str = "") -> None:
        self._fixed_url = fixed_url
        self.facts = page_facts(fixed_url)

    async def run(self, arguments: dict[str, Any]) -> str:
        return page_text((self._fixed_url or str(arguments["url"]))[:MAX_ECHO_CHARS])
