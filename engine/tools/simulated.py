"""Stand-ins for network tools in simulated runs: they ask nobody, and what they return says so."""

from __future__ import annotations

from typing import Any

from engine.tools.http_request import request_facts
from engine.tools.protocol import ToolFacts
from engine.tools.scrape import SCRAPE
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
    """The tool as its settings make it, but it asks nobody, and says so."""

    def __init__(self, *, allowed_hosts: tuple[str, ...], methods: tuple[str, ...]) -> None:
        self.facts = request_facts(allowed_hosts, methods)

    async def run(self, arguments: dict[str, Any]) -> str:
        asked = f"{arguments.get('method', 'GET')} {arguments['url']}"
        return f"Simulated answer to: {asked[:200]}\nThis is a simulated answer. Nothing was sent."


class SimulatedScrape:
    """A made-up page, labelled as simulated."""

    facts: ToolFacts = SCRAPE

    async def run(self, arguments: dict[str, Any]) -> str:
        return f"Simulated page: {str(arguments['url'])[:200]}\nThis is a simulated page. Nothing was read."
