"""The readable text of an HTML page, in time linear in its size whatever the page is made of.

Pages come from strangers. ``html.parser`` and tree builders search open elements again and again, which takes minutes
on some pages of 100 KB. Here each character belongs to one token, and a search that finds nothing ends the page, as in
the HTML standard's tokenizer: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine import bounded

SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav", "footer", "iframe"})
RAW = frozenset({"script", "style", "iframe", "noembed", "noframes", "xmp", "textarea", "title"})
"""Everything in these is text until their own end tag, even if it looks like tags."""
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre",
    "section", "summary", "table", "title", "tr", "ul",
})  # fmt: skip
CELLS = frozenset({"td", "th", "option"})

LARGE_CHARS = 20_000
"""Longer pages are read in a child process, so that the event loop and its other runs go on meanwhile."""
PAGE_SECONDS = 6.0
"""For one page; the largest that are fetched take 2.2 s on a machine that is not busy."""
_JOB = "engine.web.html_text:readable_text"
_WHAT = "Reading the page"

_MARKUP = re.compile(r"<[A-Za-z/!?]")
_NAME = re.compile(r"[A-Za-z][^\s/>\x00]{0,63}")
_TAG_STOP = re.compile(r">|=\s*[\"']")
_COMMENT_END = re.compile(r"--!?>")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW}
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_SPACE = re.compile(r"\s+")


def readable_text(page: str) -> str:
    """The text of a page without markup, scripts and navigation, one line for each block."""
    text = _TextSoFar()
    for name, start, end in tokens(page):
        if name:
            text.add_tag(name, self_closing=page[end - 2 : end] == "/>")
        elif name is not None and not text.is_silent:
            text.add_text(page[start:end])
    lines = (_SPACE.sub(" ", line).strip() for line in "".join(text.parts).split("\n"))
    return "\n".join(line for line in lines if line)


async def readable_text_aside(page: str, effort: bounded.Effort) -> str:
    """The same for coroutines: a large page is read in a child process and does not hold up the event loop.

    ``effort``: for all pages of a run. Raises ``TooMuchWork`` if that is used up.
    """
    if len(page) <= LARGE_CHARS:
        return readable_text(page)
    text: str = await bounded.run(_JOB, page, what=_WHAT, seconds=PAGE_SECONDS, effort=effort)
    return text


def readable_text_apart(page: str, patience: bounded.Patience) -> str:
    """The same for threads, which wait and leave the interpreter to others.

    ``patience``: for all pages of a request. Raises ``TooMuchWork``, and ``TooBusy`` if patience ends before.
    """
    if len(page) <= LARGE_CHARS:
        return readable_text(page)
    text: str = bounded.run_here(_JOB, page, what=_WHAT, seconds=PAGE_SECONDS, patience=patience)
    return text


def tokens(page: str) -> Iterator[tuple[str | None, int, int]]:
    """Cuts the page into (name, start, end). The name is ``div`` or ``/div`` for a tag, "" for text, and None for
    anything else, such as a comment.

    Each token starts where the one before it ended, and the last one ends the page.
    """
    at, size = 0, len(page)
    while at < size:
        name, end = _token(page, at)
        yield name, at, end
        at = end
        if name in RAW:
            end_tag = _RAW_END[name].search(page, at)
            end = end_tag.start() if end_tag else size
            if end > at:
                yield "", at, end
            at = end


def _token(page: str, at: int) -> tuple[str | None, int]:
    """The name of the token that starts there, and where it ends."""
    if not _MARKUP.match(page, at):
        markup = _MARKUP.search(page, at)
        return "", markup.start() if markup else len(page)
    slash = "/" if page.startswith("/", at + 1) else ""
    if name := _NAME.match(page, at + 1 + len(slash)):
        return slash + name[0].lower(), _tag_end(page, name.end())
    if page.startswith("<!--", at):
        if page.startswith((">", "->"), at + 4):
            return None, page.index(">", at) + 1
        comment_end = _COMMENT_END.search(page, at + 4)
        return None, comment_end.end() if comment_end else len(page)
    return None, _after(page, ">", at)


def _tag_end(page: str, at: int) -> int:
    """Where the tag ends: after the first ``>`` outside of quoted values."""
    while stop := _TAG_STOP.search(page, at):
        if stop[0] == ">":
            return stop.end()
        quote = stop[0][-1]
        at = _after(page, quote, stop.end())
    return len(page)


def _after(page: str, character: str, at: int) -> int:
    """The place after the next such character, or the end of the page."""
    index = page.find(character, at)
    return len(page) if index < 0 else index + 1


@dataclass(slots=True)
class _TextSoFar:
    """The text read so far, and the elements of ``SILENT`` that are open: as a stack, and how many of each name."""

    parts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    open_count: Counter[str] = field(default_factory=Counter)
    in_pre: bool = False

    @property
    def is_silent(self) -> bool:
        return bool(self.open)

    def add_tag(self, name: str, *, self_closing: bool) -> None:
        element = name.removeprefix("/")
        if element in BLOCKS:
            self.parts.append("\n")
        elif element in CELLS:
            self.parts.append(" ")
        is_end_tag = element != name
        if element == "pre":
            self.in_pre = not is_end_tag
        elif name == "body":
            self._close("head")  # a page may leave out </head>
        elif name in SILENT and not self_closing:
            self.open.append(name)
            self.open_count[name] += 1
        elif element in SILENT and is_end_tag:
            self._close(element)

    def add_text(self, raw: str) -> None:
        text = _REFERENCE.sub(lambda reference: html.unescape(reference[0]), raw)
        self.parts.append(text if self.in_pre else text.replace("\n", " "))

    def _close(self, element: str) -> None:
        """Closes the innermost open element of this name and all within it. Does nothing if none is open."""
        while self.open_count[element]:
            closed = self.open.pop()
            self.open_count[closed] -= 1
            if closed == element:
                return
