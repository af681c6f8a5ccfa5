"""Web search through Serper: CrewAI's ``SerperDevTool``."""

from __future__ import annotations

import json
from typing import Any

from engine.tools.tool import ToolFacts, ToolFailed, text_arguments
from engine.web.guarded_http import GuardedHttp

SERPER_URL = "https://google.serper.dev"
DEFAULT_RESULTS = 10
"""What the service gives unless asked for another number."""


class WebSearch:
    """Gives results as title, link and snippet. Without a key every call fails, and the model is told why."""

    facts = ToolFacts(
        name="web_search",
        description="Search the web. Gives titles, links and snippets.",
        parameters=text_arguments(query="what to search for"),
    )

    def __init__(
        self, http: GuardedHttp, *, api_key: str, base_url: str | None = None, n_results: int = DEFAULT_RESULTS
    ) -> None:
        self._http = http
        self._api_key = api_key
        self._n_results = n_results
        self._url = f"{(base_url or SERPER_URL).rstrip('/')}/search"

    async def run(self, arguments: dict[str, Any]) -> str:
        if not self._api_key:
            raise ToolFailed("Web search is not set up here: there is no Serper key. Answer without it, and say so.")
        headers = {"X-API-KEY": self._api_key}
        search = {"q": arguments["query"]} | ({"num": self._n_results} if self._n_results != DEFAULT_RESULTS else {})
        page = await self._http.request("POST", self._url, json=search, headers=headers)
        try:
            results = json.loads(page.text)["organic"]
            return "\n\n".join(_result(item) for item in results[: self._n_results]) or "Nothing was found."
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ToolFailed("The search service gave an answer that is not readable.") from error


def _result(item: dict[str, Any]) -> str:
    return "\n".join(str(item[name]) for name in ("title", "link", "snippet") if item.get(name))
