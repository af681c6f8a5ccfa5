"""The texts that f-strings, ``+``, ``%``, ``format``, ``join`` and the methods of str make.

Parts that only a run would show become placeholders. Whoever uses the text decides whether to report them.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from agents_app.formats.budget import Budget
from agents_app.formats.python.labels import as_label, label_of, says_as_much, source_of
from agents_app.formats.to_spec.fields import data_of
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Items,
    Mapping,
    Outside,
    Secret,
    Text,
    Unknown,
    Value,
    elsewhere_of,
    literal_text,
    open_of,
    settled,
    size_of,
)

MAX_TEXT = 100_000
MAX_PIECES = 1_000
TAB = 8
MAX_PADDED = 1_000

CASES = frozenset({"lower", "upper", "title", "capitalize", "casefold", "swapcase"})
_STRIP = frozenset({"strip", "lstrip", "rstrip"})
_TESTS = frozenset({"startswith", "endswith"})
_PADDED = frozenset({"ljust", "rjust", "center", "zfill"})


def template_of(value: Value, budget: Budget, node: ast.expr | None = None) -> Text:
    """Any value as a part of a text."""
    if isinstance(value, Text):
        return value
    if (open_value := open_of(value)) is not None:
        return template_of(_as_open(value, open_value, budget), budget)
    if isinstance(value, Constant):
        return Text(value.raw or str(value.value))
    if isinstance(value, Unknown | Secret):
        budget.pay_chars(len(value.mark))
        return Text(value.mark, (value,))
    if isinstance(value, Items | Mapping) and (size_of(value) or node is None):
        try:
            return _written(value, budget)
        except ValueError:
            pass
    return template_of(computed(value, budget, node), budget)


def _as_open(value: Value, open_value: Unknown, budget: Budget) -> Unknown:
    """An input for what may change, with what it is now as its default; None is no default."""
    try:
        return replace(open_value, known=_written(value, budget)) if isinstance(value, Items | Mapping) else open_value
    except ValueError:
        return open_value


def computed(value: Value, budget: Budget, node: ast.expr | None) -> Unknown:
    """What stands for a value that is no text: it is named after the source's name of it, or after the expression."""
    if isinstance(value, Definition) and isinstance(value.origin, ast.expr):
        is_reshaped = value.is_named_by_maker and isinstance(node, ast.Call) and len(node.args) == 1
        named = as_label(value.name) if value.name and not is_reshaped else label_of(node or value.origin, budget)
        label = node.id if isinstance(node, ast.Name) and says_as_much(node.id, named) else named
        which = budget.number_of("named", value.which, value.name) if value.name else value.which
        return Unknown(label, source_of(value.origin, budget), which=which, within=value.within, named=named)
    which = budget.number_of(value)
    if isinstance(value, Items | Mapping) and node is not None and not size_of(value):  # what a run puts in comes later
        return Unknown(label_of(node, budget), source_of(node, budget), _written(value, budget), which=which)
    if node is None:
        name = value.short if isinstance(value, Outside) else ""
        return Unknown(as_label(name) if name else "value", source=name or "code", which=which)
    return Unknown(label_of(node, budget), source=source_of(node, budget), which=which, elsewhere=elsewhere_of(value))


def is_open_list(value: Value, budget: Budget) -> bool:
    """Whether it is a list or a dictionary of which only a run shows parts."""
    if not isinstance(value, Items | Mapping) or value.open_as is not None:
        return False
    try:
        data_of(value, budget)
    except ValueError:
        return True
    return False


def _written(items: Items | Mapping, budget: Budget) -> Text:
    """A list or dictionary as Python writes it. Raises ``ValueError`` if any part of it is not literal."""
    text = str(_in_shape(items, data_of(items, budget)))
    budget.pay_chars(len(text))
    return Text(text)


def _in_shape(value: Value, data: Any) -> Any:
    """Lists as the tuples and sets that they are in the source; a set of several things has no order to be written."""
    value = settled(value)
    if isinstance(value, Mapping):
        return {name: _in_shape(entry.value, data[name]) for name, entry in value.fields.items()}
    if not isinstance(value, Items):
        return data
    parts = [_in_shape(item, part) for item, part in zip(value.items, data, strict=True)]
    if value.shape == "set" and len(parts) == 1 and isinstance(parts[0], str | int | float):
        return set(parts)
    return tuple(parts) if value.shape == "tuple" else parts


def joined(parts: list[Text], budget: Budget) -> Value:
    """Texts one after the other. A very long one is not followed."""
    length = sum(len(part.template) for part in parts)
    if length > MAX_TEXT:
        return Unknown("text", source="a very long text")
    budget.pay_chars(length)
    budget.pay_elements(sum(len(part.computed) for part in parts))
    return Text("".join(part.template for part in parts), _once_each(part.computed for part in parts))


def _once_each(computed: Iterable[tuple[Unknown | Secret, ...]]) -> tuple[Unknown | Secret, ...]:
    return tuple(dict.fromkeys(value for values in computed for value in values))


def with_computed_of(template: Text, whole: Value, budget: Budget) -> Value:
    """A text that was made of a template, whose own placeholders are still in it."""
    if not isinstance(whole, Text):
        return whole
    budget.pay_elements(len(template.computed) + len(whole.computed))
    return Text(whole.template, _once_each((template.computed, whole.computed)))


def joined_by(separator: Text, value: Value, node: ast.expr, budget: Budget) -> Value:
    """``separator.join(value)``: a list of texts as one, or a placeholder named after what is joined."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Text) and value.literal:
        value = characters(value, budget)
    if isinstance(value, Items) and value.open_as is not None:
        whole = joined_by(separator, replace(value, open_as=None), node, budget)
        which = budget.number_of("joined", value.open_as.which, separator.template, whole)
        known = whole if isinstance(whole, Text) and whole.literal else None
        return replace(value.open_as, known=known, which=which)
    if isinstance(value, Items) and value.is_sample:
        return _of_unknown_many(value, node, budget)
    if not isinstance(value, Items):
        return template_of(value, budget, node)
    budget.pay_elements(2 * len(value.items))
    parts: list[Text] = []
    for number, item in enumerate(value.items):
        part = template_of(item, budget, node)
        parts.extend([separator, part] if number else [part])
    return joined(parts, budget)


def _of_unknown_many(value: Items, node: ast.expr, budget: Budget) -> Unknown:
    """What is joined of things that only a run shows: an input that is called after these things."""
    about = node.generators[0].iter if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp) else node
    return Unknown(label_of(about, budget), source_of(node, budget), which=budget.number_of("joined", node))


def characters(text: Text, budget: Budget) -> Items:
    """What a loop over a text meets."""
    budget.pay_elements(min(len(text.template), MAX_PIECES))
    return Items([Text(char) for char in text.template[:MAX_PIECES]])


def method_of_text(text: Text, name: str, args: list[Value], budget: Budget) -> Value | None:
    """The methods of str whose result can be known; None for any other."""
    literals = [known for arg in args if (known := literal_text(arg, budget)) is not None]
    budget.pay_chars(len(text.template))
    if name in _STRIP and len(literals) == len(args) <= 1:
        return Text(getattr(text.template, name)(*literals), text.computed)
    if name == "replace" and len(args) >= 2 and (old := literal_text(args[0], budget)):
        return _replaced(text, old, args[1], budget)
    if name in ("removeprefix", "removesuffix") and literals:
        return Text(getattr(text.template, name)(literals[0]), text.computed)
    whole = literal_text(text, budget)
    return _method_of_known(whole, name, args, literals, budget) if whole is not None else None


def _method_of_known(whole: str, name: str, args: list[Value], literals: list[str], budget: Budget) -> Value | None:
    if name in CASES:
        return Text(getattr(whole, name)())
    if name in _TESTS and len(literals) == len(args) == 1:
        return Constant(getattr(whole, name)(literals[0]))
    if name in _PADDED and args and isinstance(width := settled(args[0]), Constant):
        return _padded(whole, name, width, literals, budget)
    if name in ("split", "splitlines"):
        separator = literals[0] if literals and literals[0] else None
        pieces = whole.splitlines() if name == "splitlines" else whole.split(separator, MAX_PIECES)
        budget.pay_elements(len(pieces))
        return Items([Text(piece) for piece in pieces[:MAX_PIECES]])
    return None


def _padded(whole: str, name: str, width: Constant, literals: list[str], budget: Budget) -> Text | None:
    if (
        not isinstance(width.value, int)
        or not 0 <= width.value <= MAX_PADDED
        or any(len(fill) != 1 for fill in literals)
    ):
        return None
    budget.pay_chars(width.value)
    return Text(getattr(whole, name)(width.value, *literals))


def _replaced(text: Text, old: str, new: Value, budget: Budget) -> Value | None:
    """The text with something else in the places of ``old``, but for those within what only a run shows."""
    inner = literal_text(new, budget)
    instead = Text(inner) if inner is not None and not isinstance(new, Unknown | Secret) else template_of(new, budget)
    marks = [part.mark for part in text.computed]
    pieces = re.split("(" + "|".join(map(re.escape, marks)) + ")", text.template) if marks else [text.template]
    count = sum(piece.count(old) for piece in pieces[::2])
    if len(text.template) + count * len(instead.template) > MAX_TEXT or len(pieces) > MAX_PIECES:
        return None
    pieces[::2] = [piece.replace(old, instead.template) for piece in pieces[::2]]
    budget.pay_chars(sum(map(len, pieces)))
    budget.pay_elements(len(pieces))
    return Text("".join(pieces), tuple(dict.fromkeys((*text.computed, *(instead.computed if count else ())))))


def without_indentation(text: str) -> str:
    """As ``textwrap.dedent``, which would compile the indentation, however long, as a pattern."""
    lines = [line if line.strip(" \t") else "" for line in text.split("\n")]
    margins = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line]
    least, most = min(margins, default=""), max(margins, default="")
    margin = next((at for at, char in enumerate(least) if char != most[at]), len(least))
    return "\n".join(line[margin:] for line in lines)


RESHAPERS: dict[str, Callable[[str], str]] = {
    "dedent": without_indentation,
    "cleandoc": inspect.cleandoc,
}


def reshaped(name: str, text: Text, budget: Budget) -> Text:
    """The text through one of ``RESHAPERS``, which may write a tab as eight spaces."""
    budget.pay_chars(len(text.template) + TAB * text.template.count("\t"))
    return Text(RESHAPERS[name](text.template), text.computed)


def without_layout(text: str) -> str:
    """A triple-quoted text without the indentation that its lines have from the layout of the source."""
    first, newline, rest = text.partition("\n")
    return first + newline + without_indentation(rest)
