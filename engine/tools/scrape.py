"""The readable text of a web page: CrewAI's ``ScrapeWebsiteTool``."""

from __future__ import annotations

from typing import Any

from engine.bounded import Effort
from engine.tools.tool import ToolFacts, text_arguments
from engine.web.guarded_http import GuardedHttp
from engine.web.html_text import readable_text_aside


class ScrapeWebsite:
    """Reads a page. With ``fixed_url``, CrewAI's ``website_url``, it is always that one.

    ``effort``: for reading all pages of the run.
    """

    def __init__(self, http: GuardedHttp, *, fixed_url: str = "", effort: Effort | None = None) -> None:
        self._http = http
        self._effort = effort or Effort()
        self._fixed_url = fixed_url
        self.facts = page_facts(fixed_url)

    async def run(self, arguments: dict[str, Any]) -> str:
        page = await self._http.request("GET", self._fixed_url or arguments["url"])
        is_html = "html" in page.media_type or page.text.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))
        return await readable_text_aside(page.text, self._effort) if is_html else page.text


def page_facts(fixed_url: str) -> ToolFacts:
    """What the model is told: without ``fixed_url`` it has to name the page."""
    if fixed_url:
        return ToolFacts(name="scrape_website", description=f"Read the text of {fixed_url}.")
    return ToolFacts(
        name="scrape_website",
        description="Read the text of a web page.",
        parameters=text_arguments(url="the page's address"),
    )
