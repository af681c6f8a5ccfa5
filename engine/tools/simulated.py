"""Stand-ins for network tools in simulated runs. They ask nobody, and what they return says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from engine.tools.http_request import request_facts
from engine.tools.scrape import page_facts
from engine.tools.tool import Effect, Tool, ToolFacts, ToolSource, tool_name
from engine.tools.web_search import WebSearch


class SimulatedSearch:
    """Three made-up results on ``example.com``, labelled as simulated."""

    facts: ToolFacts = WebSearch.facts

    async def run(self, arguments: dict[str, Any]) -> str:
        query = str(arguments["query"])[:200]
        return "\n\n".join(
            f"Simulated result {number} for: {query}\nhttps://example.com/{number}\n"
            "This is a simulated search result. No search was made."
            for number in (1, 2, 3)
        )


class SimulatedRequest:
    """Looks to the model like the real tool with the same settings."""

    def __init__(self, *, allowed_hosts: tuple[str, ...], methods: tuple[str, ...]) -> None:
        self.facts = request_facts(allowed_hosts, methods)

    async def run(self, arguments: dict[str, Any]) -> str:
        asked = f"{arguments.get('method', 'GET')} {arguments['url']}"
        return f"Simulated answer to: {asked[:200]}\nThis is a simulated answer. Nothing was sent."


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
    """A made-up page, labelled as simulated."""

    def __init__(self, *, fixed_url: str = "") -> None:
        self._fixed_url = fixed_url
        self.facts = page_facts(fixed_url)

    async def run(self, arguments: dict[str, Any]) -> str:
        url = self._fixed_url or str(arguments["url"])
        return f"Simulated page: {url[:200]}\nThis is a simulated page. Nothing was read."
