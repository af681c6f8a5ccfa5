"""Texts made from templates: format specifications, ``format``, ``%`` and ``string.Template``."""

from __future__ import annotations

import ast
import re
import string

from agents_app.formats.budget import Budget
from agents_app.formats.python.frames import named_in_template
from agents_app.formats.python.texts import computed, is_open_list, joined, template_of, with_computed_of
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Secret,
    Text,
    Unknown,
    Value,
    literal_text,
    settled,
)

_SPEC = re.compile(r"(?:.?[<>=^])?[-+ ]?#?0?\d{0,3}[,_]?(?:\.\d{1,2})?[bcdeEfFgGnosxX%]?")
_DOLLAR = re.compile(r"\$(?:\$|([A-Za-z_]\w{0,63})|\{([A-Za-z_]\w{0,63})\})")
_PERCENT = re.compile(r"%(?:\((\w{1,64})\))?[-+ #0]{0,5}\d{0,4}(?:\.\d{1,4})?([sdrifgxX%])")


def placed(fields: dict[str, Field], budget: Budget) -> dict[str, Value]:
    """What goes into a template, each called as its place there; what a library gives is only shown by a run."""
    budget.pay_elements(len(fields))
    given = {name: field.value for name, field in fields.items()}
    for name, value in given.items():
        if (isinstance(value, Definition) and value.kind == "other") or is_open_list(value, budget):
            given[name] = computed(value, budget, ast.Name(name))
        else:
            given[name] = named_in_template(value, name, budget)
    return given


def with_spec(value: Value, spec: str, conversion: str, budget: Budget) -> Text | None:
    """A known value as ``format`` writes it; None if the value is open, or the format is none that is followed."""
    if isinstance(value, Unknown | Secret):
        return None
    inner = settled(value)
    plain = inner.value if isinstance(inner, Constant) else literal_text(inner, budget)
    if plain is None and not isinstance(inner, Constant):
        return None
    if not _SPEC.fullmatch(spec):
        return None
    shown = repr(plain) if conversion == "r" else ascii(plain) if conversion == "a" else plain
    try:
        text = format(shown if shown is not None or not spec else str(shown), spec)
    except (ValueError, TypeError):
        return None
    budget.pay_chars(len(text))
    return Text(text)


def formatted(template: Text, args: list[Value], fields: dict[str, Value], budget: Budget) -> Value:
    """``template.format(...)``. A field without a value stays as it is: kickoff's inputs fill it later."""
    budget.pay_chars(len(template.template))
    budget.pay_elements(2 * template.template.count("{"))
    parts: list[Text] = []
    try:
        pieces = list(string.Formatter().parse(template.template))
    except ValueError:
        return template
    automatic = iter(args)
    for literal, name, spec, conversion in pieces:
        parts.append(Text(literal))
        if name is None:
            continue
        head, *rest = re.split(r"[.\[]", name, maxsplit=1)
        value = next(automatic, None) if not head else _argument(head, args, fields)
        shown = None
        if value is not None and not rest and (spec or conversion):
            shown = with_spec(value, spec or "", conversion or "", budget)
        parts.append(shown or (template_of(value, budget) if value is not None else Text(f"{{{name}}}")))
    return with_computed_of(template, joined(parts, budget), budget)


def _argument(head: str, args: list[Value], fields: dict[str, Value]) -> Value | None:
    if head.isdecimal():
        return args[int(head)] if len(head) < 4 and int(head) < len(args) else None
    return fields.get(head)


def interpolated(template: Text, args: list[Value], fields: dict[str, Value], budget: Budget) -> Value:
    """``template % args``."""
    budget.pay_chars(len(template.template))
    budget.pay_elements(2 * template.template.count("%"))
    parts: list[Text] = []
    automatic = iter(args)
    last = 0
    for match in _PERCENT.finditer(template.template):
        parts.append(Text(template.template[last : match.start()]))
        last = match.end()
        if match[2] == "%":
            parts.append(Text("%"))
            continue
        value = fields.get(match[1]) if match[1] else next(automatic, None)
        shown = _percent(match[0], value) if value is not None else Text(match[0])
        parts.append(shown or template_of(value or Text(""), budget))
    parts.append(Text(template.template[last:]))
    return with_computed_of(template, joined(parts, budget), budget)


def _percent(spec: str, value: Value) -> Text | None:
    """A number through its part of a template, such as ``%.2f``; None if it is none, or does not fit."""
    inner = settled(value)
    if not isinstance(inner, Constant) or spec.endswith("s") or inner.value is None:
        return None
    try:
        return Text(re.sub(r"\(\w*\)", "", spec) % inner.value)
    except (ValueError, TypeError, OverflowError):
        return None


def substituted(template: Text, fields: dict[str, Value], budget: Budget) -> Value:
    """``string.Template(template).substitute(**fields)``. A name without a value becomes a placeholder."""
    budget.pay_chars(len(template.template))
    budget.pay_elements(2 * template.template.count("$"))
    parts: list[Text] = []
    last = 0
    for match in _DOLLAR.finditer(template.template):
        parts.append(Text(template.template[last : match.start()]))
        last = match.end()
        name = match[1] or match[2]
        value = fields.get(name) if name else None
        parts.append(Text("$") if not name else template_of(value if value is not None else Unknown(name), budget))
    parts.append(Text(template.template[last:]))
    return with_computed_of(template, joined(parts, budget), budget)
