"""The small parts that pages are made of: counts, durations, moments, labels, form fields and lines that are joined.

What knows of money, budgets and states is in ``runs.templatetags``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, cast

from django import template
from django.template.base import Node, NodeList, Parser, TextNode, Token
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

NOTHING = "–"
DAY_S = 86_400
WEEK_S = 7 * DAY_S
LINE_BREAK = re.compile(r"\s*\n\s*")


@register.filter
def count(number: int | None) -> str:
    """A whole number with thousands separators."""
    return NOTHING if number is None else f"{number:,}"


@register.filter
def took(milliseconds: int | None) -> str:
    """Milliseconds as people read them."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 99_950:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


@register.filter
def aged(seconds: float) -> str:
    """An age in seconds as people say it."""
    return f"{seconds / DAY_S:.1f} d" if seconds >= 2 * DAY_S else took(round(seconds * 1000))


@register.filter
def moment(when: datetime | None) -> SafeString:
    """How long ago, with the exact time in the title."""
    if when is None:
        return SafeString(NOTHING)
    seconds = (timezone.now() - when).total_seconds()
    text = _ago(seconds) if seconds < WEEK_S else f"{when:%Y-%m-%d}"
    exact = when.isoformat(" ", "seconds")[:19]
    # Nothing in it is anybody's text.
    return mark_safe(f'<time class="num" datetime="{when.isoformat()}" title="{exact} UTC">{text}</time>')  # noqa: S308


@register.filter
def until(when: datetime) -> str:
    """How long it is until then; "now" once it is past."""
    seconds = (when - timezone.now()).total_seconds()
    return f"in {seconds:.0f} s" if seconds >= 1 else "now"


@register.simple_tag
def ticking(since: datetime | None) -> SafeString:
    """The time since then; a script lets it tick on where there is one."""
    if since is None:
        return SafeString(NOTHING)
    milliseconds = round((timezone.now() - since).total_seconds() * 1000)
    return format_html('<time data-since="{}">{}</time>', since.isoformat(), took(max(0, milliseconds)))


@register.simple_tag
def simulated() -> SafeString:
    """The label that everything simulated carries."""
    return mark_safe(
        '<span class="label-of simulated" title="No provider was asked: answers are made up here, tokens are counted, '
        'and costs and seconds are those of models of the kind. No money was spent.">simulated</span>'
    )


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """``mapping[key]``, or None."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def bound(form: Any, name: str) -> Any:
    """The form's field of that name."""
    return form[name]


@register.tag
def joined(parser: Parser, token: Token) -> Node:
    """Joins the lines of its block: line breaks and indentation in the template's source are left out.

    For what is too long for one line where a blank would show, such as before a comma, and for a table's cell that may
    be empty: a narrow page hides empty ones. What variables hold stays as it is.
    """
    nodes = parser.parse(("endjoined",))
    parser.delete_first_token()
    for text in cast("list[TextNode]", nodes.get_nodes_by_type(TextNode)):
        text.s = LINE_BREAK.sub("", text.s)
    return Joined(nodes)


class Joined(Node):
    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        return self.nodelist.render(context)


@register.inclusion_tag("parts/cell.html")
def cell(bound_field: Any) -> dict[str, Any]:
    """A form field in a table, which labels it by ``aria-label``: the field and what is wrong with it."""
    attributes = {"class": _css(bound_field.field.widget, wrong=bool(bound_field.errors))}
    if bound_field.errors:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{bound_field.auto_id}_about"}
    return {"bound": bound_field, "widget": bound_field.as_widget(attrs=attributes)}


@register.inclusion_tag("parts/field.html")
def field(bound_field: Any, size: str = "") -> dict[str, Any]:
    """A form field with its label, help, errors and the spec's complaints, tied together for screen readers.

    ``size`` is its width in a grid of fields: ``half``, ``third`` or all of it.
    """
    widget = bound_field.field.widget
    complaints = getattr(bound_field.form, "complaints", {}).get(bound_field.name, ())
    attributes = {"class": _css(widget, wrong=bool(bound_field.errors))}
    if bound_field.help_text or bound_field.errors or complaints:
        attributes["aria-describedby"] = f"{bound_field.auto_id}_about"
    if bound_field.errors:
        attributes["aria-invalid"] = "true"
    kind = getattr(widget, "input_type", "")
    group = hasattr(widget, "choices") and kind in ("checkbox", "radio")
    return {
        "bound": bound_field,
        "kind": "group" if group else kind,
        "widget": "" if group else bound_field.as_widget(attrs=attributes),
        "complaints": complaints,
        "size": size,
    }


def _css(widget: Any, *, wrong: bool) -> str:
    kind = getattr(widget, "input_type", "")
    css = {"checkbox": "form-check-input", "select": "form-select"}.get(kind, "form-control")
    own = widget.attrs.get("class", "")
    return " ".join(filter(None, (css, own, "is-invalid" if wrong else "")))


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds < 10 else f"{int(seconds)} s ago"
