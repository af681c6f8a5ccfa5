"""The texts that f-strings, ``+``, ``%``, ``format``, ``join`` and the methods of str make.

Parts that only a run would show become placeholders. Whoever uses the text decides whether to report them.
"""

from __future__ import annotations

import ast
import inspect
import re
import string
import textwrap
from collections.abc import Callable

from agents_app.formats.python.labels import label_of, source_of
from agents_app.formats.to_spec.fields import data_of
from agents_app.formats.to_spec.values import Constant, Definition, Items, Secret, Text, Unknown, Value

MAX_TEXT = 100_000
ASKED = "answer"

_CASE = frozenset({"lower", "upper", "title", "capitalize", "casefold", "swapcase"})
_STRIP = frozenset({"strip", "lstrip", "rstrip"})
_PERCENT = re.compile(r"%(?:\((\w{1,64})\))?[-+ #0]{0,5}\d{0,4}(?:\.\d{1,4})?([sdrifgxX%])")


def template_of(value: Value, node: ast.AST | None = None) -> Text:
    """Any value as a part of a text."""
    if isinstance(value, Text):
        return value
    if isinstance(value, Constant):
        return Text(value.raw or str(value.value))
    if isinstance(value, Unknown | Secret):
        return Text(f"{{{value.label}}}", (value,))
    if isinstance(value, Items):
        try:
            return Text(str(data_of(value)))
        except ValueError:
            pass
    if isinstance(value, Definition) and value.name and value.origin is not None:
        return template_of(Unknown(value.name, source=source_of(value.origin)))  # type: ignore[arg-type]
    return template_of(Unknown(label_of(node), source=source_of(node)) if node else Unknown("value", source="code"))


def joined(parts: list[Text]) -> Value:
    """Texts one after the other. A very long one is not followed, because a source can double a text in every line."""
    if sum(len(part.template) for part in parts) > MAX_TEXT:
        return Unknown("text", source="a very long text")
    computed = dict.fromkeys(unknown for part in parts for unknown in part.computed)
    return Text("".join(part.template for part in parts), tuple(computed))


def formatted(template: Text, args: list[Value], fields: dict[str, Value]) -> Value:
    """``template.format(...)``. A field without a value stays as it is: kickoff's inputs fill it later."""
    parts: list[Text] = []
    try:
        pieces = list(string.Formatter().parse(template.template))
    except ValueError:
        return template
    automatic = iter(args)
    for literal, name, _, _ in pieces:
        parts.append(Text(literal))
        if name is None:
            continue
        head = re.split(r"[.\[]", name, maxsplit=1)[0]
        value = next(automatic, None) if not head else _argument(head, args, fields)
        parts.append(template_of(value) if value is not None else Text(f"{{{name}}}"))
    whole = joined(parts)
    return Text(whole.template, (*template.computed, *whole.computed)) if isinstance(whole, Text) else whole


def _argument(head: str, args: list[Value], fields: dict[str, Value]) -> Value | None:
    if head.isdigit():
        return args[int(head)] if len(head) < 4 and int(head) < len(args) else None
    return fields.get(head)


def interpolated(template: Text, args: list[Value], fields: dict[str, Value]) -> Value:
    """``template % args``."""
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
        parts.append(template_of(value) if value is not None else Text(match[0]))
    parts.append(Text(template.template[last:]))
    whole = joined(parts)
    return Text(whole.template, (*template.computed, *whole.computed)) if isinstance(whole, Text) else whole


def joined_by(separator: Text, value: Value, node: ast.AST) -> Value:
    """``separator.join(value)``: a list of texts as one, or a placeholder named after what is joined."""
    if isinstance(value, Unknown):
        return template_of(value)
    if not isinstance(value, Items):
        return template_of(value, node)
    parts: list[Text] = []
    for number, item in enumerate(value.items):
        parts.extend([separator, template_of(item, node)] if number else [template_of(item, node)])
    return joined(parts)


def method_of_text(text: Text, name: str, args: list[Value]) -> Value | None:
    """The methods of str whose result can be known; None for any other."""
    literals = [arg.template for arg in args if isinstance(arg, Text) and arg.literal]
    if name in _STRIP and len(literals) == len(args):
        return Text(getattr(text.template, name)(*literals), text.computed)
    if name in _CASE and text.literal:
        return Text(getattr(text.template, name)())
    if (
        name == "replace"
        and len(literals) >= 2
        and literals[0]
        and len(text.template) * len(literals[1]) < MAX_TEXT * 10
    ):
        return Text(text.template.replace(literals[0], literals[1])[:MAX_TEXT], text.computed)
    if name in ("split", "splitlines") and text.literal:
        separator = literals[0] if literals and literals[0] else None
        pieces = text.template.splitlines() if name == "splitlines" else text.template.split(separator)
        return Items([Text(piece) for piece in pieces[:1000]])
    if name in ("removeprefix", "removesuffix") and literals:
        return Text(getattr(text.template, name)(literals[0]), text.computed)
    return None


RESHAPERS: dict[str, Callable[[str], str]] = {
    "dedent": textwrap.dedent,
    "cleandoc": inspect.cleandoc,
}


def without_layout(text: str) -> str:
    """A triple-quoted text without the indentation that its lines have from the layout of the source."""
    first, newline, rest = text.partition("\n")
    return first + newline + textwrap.dedent(rest)
