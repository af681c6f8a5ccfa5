"""Which tools a run has: a name and settings to a tool, real ones or, for simulated runs, labelled stand-ins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.cache import Cache
from engine.spec import ToolSpec
from engine.tools.calculator import Calculator
from engine.tools.clock import CurrentTime
from engine.tools.guarded_http import GuardedHttp
from engine.tools.knowledge import KnowledgeSearch, KnowledgeSource
from engine.tools.protocol import Tool
from engine.tools.scrape import ScrapeWebsite
from engine.tools.simulated import SimulatedScrape, SimulatedSearch
from engine.tools.web_search import WebSearch

Factory = Callable[[dict[str, Any]], Tool]


class ToolRegistry:
    """The tools of one run by name, and the cache of their results. Made anew for each run."""

    def __init__(self, factories: Mapping[str, Factory]) -> None:
        self._factories = dict(factories)
        self.cache = Cache(shares_failures=True)

    @classmethod
    def standard(
        cls,
        *,
        search_api_key: str = "",
        search_base_url: str | None = None,
        allowed_private_hosts: Iterable[str] = (),
        knowledge: KnowledgeSource | None = None,
    ) -> ToolRegistry:
        """The built-in tools. ``SERPER_BASE_URL`` names another search service of the same protocol."""
        http = GuardedHttp(allowed_private_hosts)
        base_url = search_base_url or os.environ.get("SERPER_BASE_URL")
        return cls(
            _local_tools(knowledge)
            | {
                "web_search": lambda config: WebSearch(http, api_key=search_api_key, base_url=base_url),
                "scrape_website": lambda config: ScrapeWebsite(http, fixed_url=str(config.get("website_url", ""))),
            }
        )

    @classmethod
    def simulated(cls, *, knowledge: KnowledgeSource | None = None) -> ToolRegistry:
        """Nothing goes to the network: search and scrape say that they are simulated. Knowledge is really searched."""
        return cls(
            _local_tools(knowledge)
            | {"web_search": lambda config: SimulatedSearch(), "scrape_website": lambda config: SimulatedScrape()}
        )

    def with_tools(self, tools: Iterable[Tool]) -> ToolRegistry:
        """These tools besides the registry's own: functions of the caller's program, for the Python API."""
        own: dict[str, Factory] = {tool.facts.name: lambda config, tool=tool: tool for tool in tools}  # type: ignore[misc]
        return ToolRegistry(self._factories | own)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._factories)

    def make(self, specs: Iterable[ToolSpec]) -> dict[str, tuple[Tool, ToolSpec]]:
        """The tools of an agent by the name under which the model calls them."""
        made = {}
        for spec in specs:
            tool = self._factories[spec.name](spec.config)
            made[tool.facts.name] = (tool, spec)
        return made


def _local_tools(knowledge: KnowledgeSource | None) -> dict[str, Factory]:
    return {
        "calculator": lambda config: Calculator(),
        "current_time": lambda config: CurrentTime(),
        "knowledge_search": lambda config: KnowledgeSearch(knowledge, config),
    }
