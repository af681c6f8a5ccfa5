"""Stand-ins for network tools in simulated runs: they ask nobody, and what they return says so."""

from __future__ import annotations

from typing import Any

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


class SimulatedScrape:
    """A made-up page, labelled as simulated."""

    facts: ToolFacts = SCRAPE

    async def run(self, arguments: dict[str, Any]) -> str:
        return f"Simulated page: {str(arguments['url'])[:200]}\nThis is a simulated page. Nothing was read."
