"""Makes the tools that reach the network, and their stand-ins for simulated runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.bounded import Effort
from engine.providers.credential import Credential
from engine.spec.tool_settings import UNASKED_SETTING
from engine.tools.http_request import HttpRequest
from engine.tools.mcp.server import McpAccess, McpServer
from engine.tools.scrape import ScrapeWebsite
from engine.tools.simulated import SimulatedMcpServer, SimulatedRequest, SimulatedScrape, SimulatedSearch
from engine.tools.tool import ToolFactory
from engine.tools.web_search import WebSearch
from engine.web.addresses import PUBLIC, Reach
from engine.web.guarded_http import GuardedHttp


@dataclass(frozen=True, slots=True)
class NetworkAccess:
    """What network tools may reach, and the secrets that they use. The repr leaves the secrets out."""

    search_api_key: str = field(default="", repr=False)
    search_base_url: str | None = None
    reach: Reach = PUBLIC
    mcp_commands: frozenset[str] = frozenset()
    mcp_tokens: Mapping[str, Credential] = field(default_factory=dict, repr=False)


def tools(access: NetworkAccess) -> dict[str, ToolFactory]:
    """What makes each of the real tools of a run from its settings, by registered name."""
    http = GuardedHttp(access.reach)
    effort = Effort()
    mcp = McpAccess(access.reach, access.mcp_commands, access.mcp_tokens, effort=effort)
    return {
        "web_search": lambda config: WebSearch(
            http, api_key=access.search_api_key, base_url=access.search_base_url, **_search_settings(config)
        ),
        "scrape_website": lambda config: ScrapeWebsite(http, fixed_url=_fixed_url(config), effort=effort),
        "http_request": lambda config: HttpRequest(
            http,
            **_request_settings(config),
            without_approval=config.get(UNASKED_SETTING, False),
            effort=effort,
        ),
        "mcp": lambda config: McpServer(config, mcp),
    }


def simulated_tools() -> dict[str, ToolFactory]:
    """The same for the stand-ins, which ask nobody and say that they are simulated."""
    return {
        "web_search": lambda config: SimulatedSearch(**_search_settings(config)),
        "scrape_website": lambda config: SimulatedScrape(fixed_url=_fixed_url(config)),
        "http_request": lambda config: SimulatedRequest(**_request_settings(config)),
        "mcp": lambda config: SimulatedMcpServer(config),
    }


def _search_settings(config: dict[str, Any]) -> dict[str, int]:
    return {"n_results": config["n_results"]} if "n_results" in config else {}


def _fixed_url(config: dict[str, Any]) -> str:
    return str(config.get("website_url", ""))


def _request_settings(config: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {"allowed_hosts": tuple(config["allowed_hosts"]), "methods": tuple(config.get("methods", ("GET",)))}
