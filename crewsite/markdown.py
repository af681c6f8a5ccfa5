"""A model's Markdown as HTML, in time and size that grow with its length, whatever it says.

The parser (pulldown-cmark) is linear but for containers in containers, and it hands out its events one by one: what
would become too deep or too large is given up on the way. Raw HTML is shown as text, images as links.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

import nh3
import pyromark

from crewsite.markdown_text import for_parser, for_reader, linked

MAX_EVENTS = 30_000
MAX_DEPTH = 50
MAX_HTML_CHARS = 500_000
OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_MATH
)
SAFE_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area"}

_NESTED = re.compile(rf"^[ \t]*(?:(?:>|(?:[-+*]|[0-9]{{1,9}}[.)])(?=[ \t]))[ \t]*){{{MAX_DEPTH + 1}}}", re.MULTILINE)
"""A line that begins more quotes and lists in one another than are shown."""
ATTRIBUTES = {
    tag: {*nh3.ALLOWED_ATTRIBUTES.get(tag, ()), "dir"}
    for tag in ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "div")
}
COLUMNS = {"Left": "left", "Center": "center", "Right": "right"}
"""A column's alignment, and the class of its cells."""
_OPENED = {
    "Paragraph": "<p{}>",
    "BlockQuote": "<blockquote{}>\n",
    "HtmlBlock": "<p{}>",
    "CodeBlock": '<pre dir="ltr"><code>',
    "TableHead": "<thead><tr>",
    "Table": "<table{}>\n",
}
"""With a place for the direction, which an outermost block takes from its first letters; code is from the left."""
_TAGS = {
    "Paragraph": "p",
    "Item": "li",
    "TableRow": "tr",
    "Emphasis": "em",
    "Strong": "strong",
    "Strikethrough": "s",
    "BlockQuote": "blockquote",
    "HtmlBlock": "p",
}
_LEAVES = {"SoftBreak": "\n", "HardBreak": "<br>\n", "Rule": "<hr>\n"}
_BLOCKS = frozenset({"p", "li", "tr", "blockquote"})


class TooIntricate(Exception):
    """The text would become HTML that is nested too deeply or too large."""


def to_html(text: str) -> str:
    """Safe HTML: nothing runs, loads or styles, and links tell their target nothing about us.

    Raises ``TooIntricate``; the text can then only be shown as it is.
    """
    if _NESTED.search(text):
        raise TooIntricate
    return nh3.clean(
        for_reader(_rendered(for_parser(text))),
        tags=SAFE_TAGS,
        attributes=nh3.ALLOWED_ATTRIBUTES | ATTRIBUTES,
        allowed_classes={"th": set(COLUMNS.values()), "td": set(COLUMNS.values()), "div": {"footnote"}},
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto"},
    )


def _rendered(text: str) -> str:
    page = _Page()
    for number, event in enumerate(pyromark.events(text, options=OPTIONS)):
        page.add(event)
        if number > MAX_EVENTS or page.depth > MAX_DEPTH or page.chars > MAX_HTML_CHARS:
            raise TooIntricate
    return "".join(page.parts)


class _Page:
    """HTML as it grows by the parser's events."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.chars = 0
        self.depth = 0
        self._cell = "td"
        self._columns: tuple[str, ...] = ()  # of the table: how each is aligned
        self._column = 0
        self._is_code = False
        self._links = 0  # how many are open: only the outermost becomes one
        self._image = 0  # how many parts there were when an image began

    def add(self, event: Any) -> None:
        if isinstance(event, str):
            self._put(_LEAVES.get(event, ""))
            return
        ((kind, value),) = event.items()
        if kind in ("Start", "End"):
            name, about = (value, None) if isinstance(value, str) else next(iter(value.items()))
            self.depth += 1 if kind == "Start" else -1
            self._put(self._start(name, about) if kind == "Start" else self._end(name, about))
        elif kind == "Text":
            self._put(escape(value) if self._links or self._is_code else linked(value))
        else:
            self._put(self._inline(kind, str(value)))

    def _inline(self, kind: str, text: str) -> str:
        if kind == "Code":
            return f"<code>{escape(text)}</code>"
        if kind == "FootnoteReference":
            return f"<sup>[{escape(text)}]</sup>"
        around = {"InlineMath": "$", "DisplayMath": "$$"}.get(kind, "")
        return f"{around}{escape(text)}{around}"  # a formula as it was written

    def _put(self, html: str) -> None:
        self.parts.append(html)
        self.chars += len(html)

    def _start(self, name: str, about: Any) -> str:
        if name in ("Link", "Image"):
            return self._opened_link(name, about)
        if name == "TableCell":
            return self._opened_cell()
        self._note_start(name, about)
        direction = ' dir="auto"' if self.depth == 1 else ""
        if name in ("List", "Heading", "FootnoteDefinition"):
            return _opened_block(name, about, direction)
        opened = _OPENED.get(name) or (f"<{_TAGS[name]}>" if name in _TAGS else "")
        return opened.format(direction)

    def _note_start(self, name: str, about: Any) -> None:
        if name == "CodeBlock":
            self._is_code = True
        elif name == "Table":
            self._columns = tuple(about or ())
        elif name in ("TableHead", "TableRow"):
            self._column = 0
            self._cell = "th" if name == "TableHead" else "td"

    def _opened_cell(self) -> str:
        aligned = COLUMNS.get(self._columns[self._column], "") if self._column < len(self._columns) else ""
        self._column += 1
        return f'<{self._cell} class="{aligned}">' if aligned else f"<{self._cell}>"

    def _end(self, name: str, about: Any) -> str:
        if name in _TAGS:
            tag = _TAGS[name]
            return f"</{tag}>\n" if tag in _BLOCKS else f"</{tag}>"
        if name in ("Link", "Image"):
            return self._closed_link(name)
        if name == "CodeBlock":
            self._is_code = False
        return {
            "FootnoteDefinition": "</div>\n",
            "Heading": f"</{str(about).lower()}>\n",
            "CodeBlock": "</code></pre>\n",
            "Table": "</tbody></table>\n",
            "TableHead": "</tr></thead><tbody>\n",
            "TableCell": f"</{self._cell}>",
            "List": "</ol>\n" if about else "</ul>\n",
        }.get(name, "")

    def _opened_link(self, name: str, about: Mapping[str, Any]) -> str:
        self._links += 1
        address = f"{'mailto:' if about['link_type'] == 'Email' else ''}{about['dest_url']}"
        html = f'<a href="{escape(address)}">' if self._links == 1 else ""
        if name == "Image":
            html += "[image: "
            self._image = len(self.parts) + 1
        return html

    def _closed_link(self, name: str) -> str:
        self._links -= 1
        html = "</a>" if self._links == 0 else ""
        if name == "Image":
            return f"{'no description' if len(self.parts) == self._image else ''}]{html}"
        return html


def _opened_block(name: str, about: Any, direction: str) -> str:
    if name == "Heading":
        return f"<{about['level'].lower()}{direction}>"
    if name == "FootnoteDefinition":
        return f'<div class="footnote"{direction}><sup>[{escape(str(about))}]</sup> '
    return f"<ul{direction}>\n" if about is None else f'<ol{direction} start="{about}">\n'
