"""The readable text of an HTML page, in time linear in its size whatever the page is made of.

Pages come from strangers. ``html.parser`` and tree builders look again and again at what is left open, which takes
minutes on some pages of 100 KB; here each character belongs to one token, and a search that fails ends the page, as the
HTML standard's tokenizer does: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

from __future__ import annotations

import asyncio
import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav", "footer", "iframe"})
RAW = frozenset({"script", "style", "iframe", "noembed", "noframes", "xmp", "textarea", "title"})
"""What is in these is text up to their own end tag, also where it looks like tags."""
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre",
    "section", "summary", "table", "title", "tr", "ul",
})  # fmt: skip
CELLS = frozenset({"td", "th", "option"})

LARGE_CHARS = 50_000
"""From here on a page is read on a thread, so that other runs go on meanwhile."""

_MARKUP = re.compile(r"<[A-Za-z/!?]")
_NAME = re.compile(r"[A-Za-z][^\s/>\x00]{0,63}")
_TAG_STOP = re.compile(r">|=\s*[\"']")
_COMMENT_END = re.compile(r"--!?>")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW}
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_SPACE = re.compile(r"\s+")


def readable_text(page: str) -> str:
    """The text of a page without markup, scripts and navigation, a line per block."""
    reader = _Reader()
    for name, start, end in tokens(page):
        if name:
            reader.tag(name, self_closing=page[end - 2 : end] == "/>")
        elif name is not None and not reader.silent:
            reader.text(page[start:end])
    lines = (_SPACE.sub(" ", line).strip() for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


async def readable_text_aside(page: str) -> str:
    """The same, with large pages read beside the event loop."""
    return await asyncio.to_thread(readable_text, page) if len(page) > LARGE_CHARS else readable_text(page)


def tokens(page: str) -> Iterator[tuple[str | None, int, int]]:
    """The page cut into (what, start, end): ``div`` and ``/div`` are tags, "" is text, None is neither.

    Each token starts where the one before it ended, and the last one ends the page.
    """
    at, size = 0, len(page)
    while at < size:
        what, end = _token(page, at)
        yield what, at, end
        at = end
        if what in RAW:
            closing = _RAW_END[what].search(page, at)
            end = closing.start() if closing else size
            if end > at:
                yield "", at, end
            at = end


def _token(page: str, at: int) -> tuple[str | None, int]:
    if not _MARKUP.match(page, at):
        markup = _MARKUP.search(page, at)
        return "", markup.start() if markup else len(page)
    closing = page.startswith("/", at + 1)
    if name := _NAME.match(page, at + 1 + closing):
        return ("/" if closing else "") + name[0].lower(), _tag_end(page, name.end())
    if page.startswith("<!--", at):
        if page.startswith((">", "->"), at + 4):
            return None, page.index(">", at) + 1
        end = _COMMENT_END.search(page, at + 4)
        return None, end.end() if end else len(page)
    return None, _past(page, ">", at)


def _tag_end(page: str, at: int) -> int:
    """Where the tag ends: past the first ``>`` that is not in a quoted value."""
    while stop := _TAG_STOP.search(page, at):
        if stop[0] == ">":
            return stop.end()
        at = _past(page, stop[0][-1], stop.end())
    return len(page)


def _past(page: str, what: str, at: int) -> int:
    found = page.find(what, at)
    return len(page) if found < 0 else found + 1


@dataclass(slots=True)
class _Reader:
    """What has been read so far, and which silent elements are open."""

    parts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    in_pre: bool = False

    @property
    def silent(self) -> bool:
        return bool(self.open)

    def tag(self, name: str, *, self_closing: bool) -> None:
        element = name.removeprefix("/")
        if element in BLOCKS:
            self.parts.append("\n")
        elif element in CELLS:
            self.parts.append(" ")
        if element == "pre":
            self.in_pre = element == name
        elif name == "body":
            self._close("head")  # its end tag may be left out
        elif name in SILENT and not self_closing:
            self.open.append(name)
            self.count[name] += 1
        elif element in SILENT and name != element:
            self._close(element)

    def text(self, raw: str) -> None:
        text = _REFERENCE.sub(lambda reference: html.unescape(reference[0]), raw)
        self.parts.append(text if self.in_pre else text.replace("\n", " "))

    def _close(self, element: str) -> None:
        """Closes the innermost open one and what was left open in it; nothing if none is open."""
        while self.count[element]:
            closed = self.open.pop()
            self.count[closed] -= 1
            if closed == element:
                return
