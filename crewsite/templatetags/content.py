"""Text that models and people wrote, as safe HTML: Markdown, and JSON as a tree. It may be hostile, and huge."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import nh3
from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

register = template.Library()

MAX_SHOWN_CHARS = 50_000
"""What a page shows of one text; the whole of it is a download away, and the page says so."""
MAX_TREE_NODES = 2_000
MAX_TREE_DEPTH = 30
OPEN_DEPTH = 3
SAFE_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area"}


@register.filter
def markdown(text: str) -> SafeString:
    """A model's Markdown as safe HTML: no raw HTML, nothing loaded, links that tell their target nothing about us."""
    html = _markdown.render(text[:MAX_SHOWN_CHARS])
    clean = nh3.clean(
        html, tags=SAFE_TAGS, link_rel="noopener noreferrer nofollow", url_schemes={"http", "https", "mailto"}
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has just cleaned it


@register.filter
def pretty(value: Any) -> str:
    """JSON as indented text."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def shown(text: str) -> str:
    """As much of a text as a page shows."""
    return text[:MAX_SHOWN_CHARS]


@register.filter
def is_cut(text: str) -> bool:
    return len(text) > MAX_SHOWN_CHARS


@register.filter
def tree(value: Any) -> SafeString:
    """JSON as a tree that folds."""
    budget = iter(range(MAX_TREE_NODES))
    return mark_safe(f'<div class="tree"><ul>{"".join(_node("", value, 0, budget))}</ul></div>')  # noqa: S308 - escaped


def _node(name: str, value: Any, depth: int, budget: Iterator[int]) -> Iterator[str]:
    if next(budget, None) is None:
        return
    key = format_html('<span class="key">{}: </span>', name) if name else ""
    if not isinstance(value, (dict, list)) or not value or depth >= MAX_TREE_DEPTH:
        yield f"<li>{key}{_leaf(value)}</li>"
        return
    size = f"{len(value)} {'field' if isinstance(value, dict) else 'item'}{'' if len(value) == 1 else 's'}"
    opened = " open" if depth < OPEN_DEPTH and len(value) <= 50 else ""
    yield f'<li><details{opened}><summary>{key}<span class="quiet">{size}</span></summary><ul>'
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for number, (name_within, item) in enumerate(items):
        lines = list(_node(str(name_within), item, depth + 1, budget))
        if not lines:
            yield f'<li class="quiet">… {len(value) - number:,} more in the raw text</li>'
            break
        yield from lines
    yield "</ul></details></li>"


def _leaf(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    cut = f"{text[:MAX_SHOWN_CHARS]}…" if len(text) > MAX_SHOWN_CHARS else text
    return f'<span class="lines">{escape(cut)}</span>'


def _image_as_link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    """An image is not loaded: its address would learn who reads, and when. It is shown as a link to click."""
    address, words = str(tokens[index].attrs.get("src", "")), tokens[index].content or "no description"
    return f'<a href="{escape(address)}">[image: {escape(words)}]</a>'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image_as_link)
    return parser


_markdown = _parser()
