"""The small parts that pages are made of: counts, form fields and lines that are joined.

Times, money, budgets and states are in ``runs.templatetags``.
"""

from __future__ import annotations

import re
from typing import Any, cast
from uuid import uuid4

from django import template
from django.forms import Textarea
from django.template.base import Node, NodeList, Parser, TextNode, Token
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from engine.text import counted
from teams.once import FIELD

register = template.Library()

NOTHING = "–"
LINE_BREAK = re.compile(r"\s*\n\s*")


@register.filter
def count(number: int | None) -> str:
    """A whole number with thousands separators."""
    return NOTHING if number is None else f"{number:,}"


@register.filter(name="counted")
def counted_things(number: int, noun: str) -> str:
    """How many of something: "1 word", "1,234 words"."""
    return counted(number, noun)


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


@register.simple_tag
def form_key() -> SafeString:
    """A hidden field in a form that makes something, whose view is declared with ``teams.once.form_once``: the form
    makes it once, however often it is sent."""
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, uuid4())


@register.inclusion_tag("parts/cell.html")
def cell(bound_field: Any) -> dict[str, Any]:
    """A form field in a table, which labels it by ``aria-label``: the field and what is wrong with it."""
    attributes = _attributes(bound_field)
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
    attributes = _attributes(bound_field)
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


def _attributes(bound_field: Any) -> dict[str, str]:
    """Its CSS classes; and what people type is in any language, and has the direction of its own first letters."""
    widget = bound_field.field.widget
    attributes = {"class": _css(widget, wrong=bool(bound_field.errors))}
    if isinstance(widget, Textarea) or getattr(widget, "input_type", "") in ("text", "search"):
        attributes |= {"dir": "auto", "lang": ""}
    return attributes


def _css(widget: Any, *, wrong: bool) -> str:
    kind = getattr(widget, "input_type", "")
    css = {"checkbox": "form-check-input", "select": "form-select"}.get(kind, "form-control")
    own = widget.attrs.get("class", "")
    return " ".join(filter(None, (css, own, "is-invalid" if wrong else "")))
