"""The readable text of a web page, CrewAI's ``ScrapeWebsiteTool``."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from engine.tools.guarded_http import GuardedHttp
from engine.tools.protocol import ToolFacts, text_arguments

SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav", "footer", "iframe"})
SCRAPE = ToolFacts(
    name="scrape_website",
    description="Read the text of a web page.",
    parameters=text_arguments(url="the page's address"),
)
BLOCKS = frozenset(
    [
        "p",
        "div",
        "br",
        "li",
        "tr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "section",
        "article",
        "header",
        "ul",
        "ol",
        "table",
        "blockquote",
        "pre",
        "title",
        "main",
    ]
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
        return readable_text(page.text) if is_html else page.text


def readable_text(html: str) -> str:
    """The text of a page without markup, scripts and navigation, a line per block."""
    reader = _TextReader()
    reader.feed(_tamed(html))
    reader.close()
    lines = (re.sub(r"\s+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _tamed(html: str) -> str:
    """The page without comments, declarations and tags that do not end.

    For each of them Python's parser looks through the whole rest of the page: 100 kB of "<a " keep it for a minute.
    """
    kept, at = [], 0
    while (start := html.find("<!--", at)) >= 0:
        kept.append(html[at:start])
        end = html.find("-->", start)
        at = len(html) if end < 0 else end + 3
    whole = re.sub(r"<![^<>]*>", "", "".join(kept) + html[at:])
    return re.sub(r"<(?![^<>]*>)", "&lt;", whole)


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent += 1
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT and self._silent:
            self._silent -= 1
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
