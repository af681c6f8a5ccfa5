"""Which tools a run has: a name and settings to a tool, real ones or, for simulated runs, labelled stand-ins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.spec import ToolSpec
from engine.tools.cache import ToolCache
from engine.tools.calculator import Calculator
from engine.tools.clock import CurrentTime
from engine.tools.guarded_http import GuardedHttp
from engine.tools.http_request import HttpRequest
from engine.tools.protocol import Tool, ToolFailed
from engine.tools.scrape import ScrapeWebsite
from engine.tools.settings import fault_of
from engine.tools.simulated import SimulatedRequest, SimulatedScrape, SimulatedSearch
from engine.tools.web_search import WebSearch

Factory = Callable[[dict[str, Any]], Tool]


class ToolRegistry:
    """The tools of one run by name, and the cache of their results. Made anew for each run."""

    def __init__(self, factories: Mapping[str, Factory]) -> None:
        self._factories = dict(factories)
        self.cache = ToolCache()

    @classmethod
    def standard(
        cls,
        *,
        search_api_key: str = "",
        search_base_url: str | None = None,
        allowed_private_hosts: Iterable[str] = (),
    ) -> ToolRegistry:
        """The built-in tools. ``SERPER_BASE_URL`` names another search service of the same protocol."""
        http = GuardedHttp(allowed_private_hosts)
        base_url = search_base_url or os.environ.get("SERPER_BASE_URL")
        return cls(
            _local_tools()
            | {
                "web_search": lambda config: WebSearch(http, api_key=search_api_key, base_url=base_url),
                "scrape_website": lambda config: ScrapeWebsite(http, fixed_url=str(config.get("website_url", ""))),
                "http_request": lambda config: HttpRequest(http, **_request_settings(config)),
            }
        )

    @classmethod
    def simulated(cls) -> ToolRegistry:
        """Nothing goes to the network: the tools that would go there say that they are simulated."""
        return cls(
            _local_tools()
            | {
                "web_search": lambda config: SimulatedSearch(),
                "scrape_website": lambda config: SimulatedScrape(),
                "http_request": lambda config: SimulatedRequest(**_request_settings(config)),
            }
        )

    def with_tools(self, tools: Iterable[Tool]) -> ToolRegistry:
        """These tools besides the registry's own: functions of the caller's program, for the Python API."""
        own: dict[str, Factory] = {tool.facts.name: lambda config, tool=tool: tool for tool in tools}  # type: ignore[misc]
        return ToolRegistry(self._factories | own)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._factories)

    def make(self, specs: Iterable[ToolSpec]) -> dict[str, tuple[Tool, ToolSpec]]:
        """The tools of an agent by the name under which the model calls them. Raises ``ToolFailed`` for bad
        settings.
        """
        made = {}
        for spec in specs:
            if fault := fault_of(spec):
                raise ToolFailed(f"The tool {spec.name} cannot be used: {fault}")
            tool = self._factories[spec.name](spec.config)
            made[tool.facts.name] = (tool, spec)
        return made


def _request_settings(config: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {"allowed_hosts": tuple(config["allowed_hosts"]), "methods": tuple(config.get("methods", ("GET",)))}


def _local_tools() -> dict[str, Factory]:
    return {"calculator": lambda config: Calculator(), "current_time": lambda config: CurrentTime()}
