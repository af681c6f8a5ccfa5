"""Text that models and people wrote, as safe HTML: Markdown, and JSON as a tree. It may be hostile, and huge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from crewsite.markdown import TooIntricate, to_html
from crewsite.markdown_text import linked as with_links
from engine.text import counted

register = template.Library()

MAX_SHOWN_CHARS = 50_000
"""What a page shows of one text; the whole of it is a download away, and the page says so."""
MAX_TREE_NODES = 2_000
MAX_TREE_DEPTH = 30
MAX_TREE_CHARS = 200_000
OPEN_DEPTH = 3


@register.filter
def markdown(text: str) -> SafeString:
    """A model's Markdown as safe HTML, or, if that would be too deep or too large, as it is, which the page says."""
    text = text[:MAX_SHOWN_CHARS]
    try:
        return mark_safe(to_html(text))  # noqa: S308 - it is cleaned there
    except TooIntricate:
        why = "Shown as plain text: as Markdown it is nested too deeply, or has too many parts."
        return format_html('<pre tabindex="0">{}</pre><p class="hint">{}</p>', text, why)


@register.filter
def linked(text: str) -> SafeString:
    """A person's plain text, escaped, in which web addresses are links."""
    return mark_safe(with_links(text, ' rel="nofollow noopener noreferrer"'))  # noqa: S308 - each part is escaped there


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
    budget = _Budget(MAX_TREE_NODES, MAX_TREE_CHARS)
    return mark_safe(f'<div class="tree" lang=""><ul>{"".join(_node("", value, 0, budget))}</ul></div>')  # noqa: S308 - escaped


@dataclass(slots=True)
class _Budget:
    """What a tree may still show."""

    nodes: int
    chars: int


def _node(name: str, value: Any, depth: int, budget: _Budget) -> Iterator[str]:
    if not budget.nodes or not budget.chars:
        return
    budget.nodes -= 1
    key = format_html('<span class="key">{}: </span>', _within(name, budget)) if name else ""
    if not isinstance(value, (dict, list)) or not value or depth >= MAX_TREE_DEPTH:
        yield f"<li>{key}{_leaf(value, budget)}</li>"
        return
    size = counted(len(value), "field" if isinstance(value, dict) else "item")
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


def _leaf(value: Any, budget: _Budget) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f'<span class="lines">{escape(_within(text, budget))}</span>'


def _within(text: str, budget: _Budget) -> str:
    """As much of the text as may still be shown."""
    shown = text[: min(MAX_SHOWN_CHARS, budget.chars)]
    budget.chars -= len(shown)
    return shown if len(shown) == len(text) else f"{shown}…"
