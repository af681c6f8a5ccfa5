"""The small parts that pages are made of: money, tokens, durations, moments, states, Markdown and form fields."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import nh3
from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from runs.money import to_usd

register = template.Library()

STATE_COLOURS = {
    "queued": "secondary",
    "pending": "secondary",
    "intent": "azure",
    "running": "azure",
    "waiting": "yellow",
    "succeeded": "green",
    "ok": "green",
    "failed": "red",
    "error": "red",
    "unknown": "orange",
    "late": "orange",
    "cancelled": "secondary",
    "skipped": "secondary",
}
MAX_MARKDOWN_CHARS = 400_000
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
SAFE_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area", "input", "button", "form"}


@register.filter
def usd(nusd: int | None) -> SafeString:
    """1e-9 USD as dollars: four decimals from a cent on, six below, all nine in the title; a dash where unknown."""
    if nusd is None:
        return mark_safe('<span class="text-secondary" title="The price is not known">unpriced</span>')
    amount = to_usd(nusd)
    if nusd == 0:
        return mark_safe('<span class="num">$0</span>')
    shown = f"{amount:,.4f}" if nusd >= 10_000_000 else f"{amount:.6f}"
    return format_html('<span class="num" title="${}">${}</span>', f"{amount:.9f}", shown)


@register.simple_tag
def cost(rollup: Any) -> SafeString:
    """A rollup's cost; a plus sign where some calls' prices are unknown, so that the sum is a lower bound."""
    if not rollup.unpriced_calls:
        return usd(rollup.spent_nusd)
    title = f"{rollup.unpriced_calls} calls have no known price and are not in this sum"
    if not rollup.spent_nusd:
        return format_html('<span class="text-secondary" title="{}">unpriced</span>', title)
    return format_html('<span title="{}">{}&thinsp;+&thinsp;?</span>', title, usd(rollup.spent_nusd))


@register.filter
def count(number: int | None) -> str:
    """A whole number with thousands separators."""
    return "–" if number is None else f"{number:,}"


@register.filter
def took(milliseconds: int | None) -> str:
    """Milliseconds as people read them."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


@register.filter
def moment(when: datetime | None) -> SafeString:
    """How long ago, with the exact time in the title."""
    if when is None:
        return mark_safe("–")
    seconds = (timezone.now() - when).total_seconds()
    text = _ago(seconds) if seconds < 7 * 86_400 else f"{when:%Y-%m-%d}"
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', when.isoformat(), f"{when:%Y-%m-%d %H:%M:%S}", text
    )


@register.simple_tag
def state(value: str) -> SafeString:
    """A state as a badge with a dot, so that colour is not all there is."""
    colour = STATE_COLOURS.get(value, "secondary")
    busy = " status-dot-animated" if value == "running" else ""
    return format_html(
        '<span class="status status-{}"><span class="status-dot{}"></span>{}</span>',
        colour,
        busy,
        "open" if value == "intent" else value,
    )


@register.simple_tag
def simulated() -> SafeString:
    """The label that every simulated figure carries."""
    return mark_safe(
        '<span class="badge bg-purple-lt" title="No provider was asked. Answers are made up; tokens are counted, and '
        'prices are those of the models that are stood for. No money was spent.">simulated</span>'
    )


@register.filter
def markdown(text: str) -> SafeString:
    """A model's Markdown as safe HTML: no raw HTML, no images, links that tell their target nothing about us."""
    html = _markdown.render(text[:MAX_MARKDOWN_CHARS])
    clean = nh3.clean(
        html, tags=SAFE_TAGS, link_rel="noopener noreferrer nofollow", url_schemes={"http", "https", "mailto"}
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has just cleaned it


@register.filter
def pretty(value: Any) -> str:
    """JSON as indented text."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def looks_like_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """``mapping[key]``, or None."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def share(part: float, whole: float) -> int:
    """Part of whole in percent, between 0 and 100."""
    return max(0, min(100, round(100 * part / whole))) if whole else 0


@register.inclusion_tag("parts/field.html")
def field(bound: Any, *, rows: int | None = None) -> dict[str, Any]:
    """A form field with label, help and error, tied together for screen readers."""
    widget = bound.field.widget
    kind = getattr(widget, "input_type", "")
    attributes: dict[str, Any] = {"class": _css(widget, kind, bool(bound.errors))}
    if rows:
        attributes["rows"] = rows
    if bound.help_text or bound.errors:
        attributes["aria-describedby"] = f"{bound.id_for_label}_about"
    if bound.errors:
        attributes["aria-invalid"] = "true"
    group = kind == "checkbox" and hasattr(widget, "choices")
    return {
        "bound": bound,
        "widget": bound if group else bound.as_widget(attrs=attributes),
        "kind": "group" if group else kind,
    }


def _css(widget: Any, kind: str, wrong: bool) -> str:
    css = {"checkbox": "form-check-input", "radio": "form-check-input", "select": "form-select"}.get(
        kind, "form-control"
    )
    mono = " font-monospace" if widget.attrs.get("data-mono") else ""
    return css + mono + (" is-invalid" if wrong else "")


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds < 10 else f"{int(seconds)} s ago"


@register.filter
def field_of(form: Any, name: str) -> Any:
    """A form's field by name."""
    return form[name]
