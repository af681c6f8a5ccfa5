"""The readable text of a web page, CrewAI's ``ScrapeWebsiteTool``."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.tools.guarded_http import GuardedHttp
from engine.tools.html_text import readable_text
from engine.tools.protocol import ToolFacts, text_arguments

LARGE_CHARS = 50_000
"""From here on a page is read on a thread, so that other runs go on meanwhile."""
SCRAPE = ToolFacts(
    name="scrape_website",
    description="Read the text of a web page.",
    parameters=text_arguments(url="the page's address"),
)


class ScrapeWebsite:
    """Reads one page. ``fixed_url`` is CrewAI's ``website_url``: the model then needs no address."""

    def __init__(self, http: GuardedHttp, *, fixed_url: str = "") -> None:
        self._http = http
        self._fixed_url = fixed_url
        no_address = ToolFacts(name=SCRAPE.name, description=f"Read the text of {fixed_url}.")
        self.facts = no_address if fixed_url else SCRAPE

    async def run(self, arguments: dict[str, Any]) -> str:
        page = await self._http.request("GET", self._fixed_url or arguments["url"])
        is_html = "html" in page.media_type or page.text.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))
        if not is_html:
            return page.text
        if len(page.text) > LARGE_CHARS:
            return await asyncio.to_thread(readable_text, page.text)
        return readable_text(page.text)
