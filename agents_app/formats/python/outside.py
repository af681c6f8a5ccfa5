"""Calls to built-in functions and libraries whose result can be known without running them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from agents_app.formats.budget import Budget
from agents_app.formats.python.command_line import QUESTIONS, asked, namespace_as_mapping
from agents_app.formats.python.formatting import with_spec
from agents_app.formats.python.frames import Frame
from agents_app.formats.python.loops import MAX_ITEMS
from agents_app.formats.python.objects import of_frame
from agents_app.formats.python.operators import LARGEST, truth_of
from agents_app.formats.python.paths import loaded, path_call
from agents_app.formats.python.texts import RESHAPERS, characters, reshaped, template_of
from agents_app.formats.to_spec.fields import data_of
from agents_app.formats.to_spec.values import (
    Constant,
    Field,
    Items,
    Mapping,
    Outside,
    Secret,
    Text,
    Unknown,
    Value,
    literal_text,
    members,
    settled,
    size_of,
)

_PASSES = frozenset(
    {"run", "gather", "wait_for", "create_task", "run_until_complete", "to_thread", "cast", "nullcontext"}
)
_KEEPS = ("list", "tuple", "set", "frozenset", "iter", "aiter")
_LOADS = frozenset({"safe_load", "load", "loads", "full_load"})
MAX_DIGITS = 16
MAX_WRAPPED = 10_000
MAX_INDENT = 8

Call = Callable[[list[Value], dict[str, Field], Budget], Value | None]


def call_outside(path: str, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value | None:
    """The result of the call; None if it is not known here."""
    name = path.rpartition(".")[2]
    if name in QUESTIONS and (path == name or "." in path):
        return asked(name, args, fields, frame.world.budget)
    if name in ("getenv", "getpass") or path.endswith(("environ.get", "secrets.get", "userdata.get")):
        return _secret(args, fields)
    if name in _PASSES and "." in path and args:
        return args[-1] if name == "cast" else args[0]
    if name == "read" or name in _LOADS:
        return loaded(args[0], frame) if args else None
    if (made := of_frame(name, args, frame)) is not None:
        return made
    call = _BY_NAME.get(name) or _SIMPLE.get(path)
    result = call(args, fields, frame.world.budget) if call else None
    return result if result is not None else path_call(path, args, fields, frame)


def _secret(args: list[Value], fields: dict[str, Field]) -> Value:
    first = settled(args[0]) if args else None
    fallback = args[1] if len(args) > 1 else fields["default"].value if "default" in fields else None
    inner = settled(fallback) if fallback is not None else None
    usable = isinstance(inner, Constant) or (isinstance(inner, Text) and bool(inner.template))
    return Secret(first.template if isinstance(first, Text) else "SECRET", inner if usable else None)


def _kept(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    if len(args) != 1:
        return None if args else Items([])
    first = settled(args[0])
    budget.pay_elements(size_of(first))
    if isinstance(first, Mapping):
        return _listed(first)
    if isinstance(args[0], Text) and args[0].literal:
        return characters(args[0], budget)
    return Items(list(first.items)) if isinstance(first, Items) else args[0]


def _reversed(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    kept = _kept(args, fields, budget)
    return Items(kept.items[::-1]) if isinstance(kept, Items) else kept


def _sorted(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """Texts and numbers are sorted; anything else stays in the order of the source."""
    kept = _kept(args, fields, budget)
    if not isinstance(kept, Items):
        return kept
    try:
        plain = [(data_of(item, budget), item) for item in kept.items]
        order = settled(fields["reverse"].value) if "reverse" in fields else Constant(False)
        if "key" not in fields and isinstance(order, Constant):
            return Items([item for _, item in sorted(plain, key=lambda pair: pair[0], reverse=bool(order.value))])
    except (ValueError, TypeError):
        pass
    return kept


def _json(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``json.dumps``."""
    options: dict[str, Any] = {}
    for name in ("indent", "sort_keys", "ensure_ascii"):
        option = settled(fields[name].value) if name in fields else None
        options |= {name: option.value} if isinstance(option, Constant) else {}
    if not args or not 0 <= (options.get("indent") or 0) <= MAX_INDENT:
        return None
    try:
        text = json.dumps(data_of(args[0], budget), **options)
    except (ValueError, TypeError):
        return None
    budget.pay_chars(len(text))
    return Text(text)


def _wrapped(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``textwrap.fill``. A text with open parts, whose length nobody knows, keeps its lines."""
    text = settled(args[0]) if args else None
    width = settled(args[1] if len(args) > 1 else fields["width"].value if "width" in fields else Constant(70))
    if not isinstance(text, Text):
        return None
    if not text.literal or len(text.template) > MAX_WRAPPED or not isinstance(width, Constant):
        return text
    budget.pay_chars(2 * len(text.template))
    is_width = isinstance(width.value, int) and width.value >= 1
    return Text(textwrap.fill(text.template, int(width.value or 0))) if is_width else text


def _indented(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    text, prefix = (settled(args[0]), literal_text(args[1], budget)) if len(args) > 1 else (None, None)
    if not isinstance(text, Text) or prefix is None or len(prefix) > MAX_DIGITS:
        return None
    budget.pay_chars(len(text.template) + len(prefix) * (1 + text.template.count("\n")))
    return Text(textwrap.indent(text.template, prefix), text.computed)


def _of_numbers(
    calculate: Callable[[list[float]], float],
) -> Call:
    def call(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
        given = members(args[0], budget) if len(args) == 1 else iter(args)
        numbers = [inner.value if isinstance(inner := settled(value), Constant) else None for value in given]
        known = [number for number in numbers if number is not None and abs(number) < LARGEST]
        return Constant(calculate(known)) if known and len(known) == len(numbers) else None

    return call


def _of_truths(args: list[Value], fields: dict[str, Field], budget: Budget, *, wanted: bool) -> Value | None:
    """``any`` and ``all`` of a known list; ``wanted``: the one truth that decides."""
    whole = settled(args[0]) if len(args) == 1 else None
    if not isinstance(whole, Items | Mapping):
        return None
    truths = [truth_of(settled(value)) for value in members(_listed(whole), budget)]
    return Constant(wanted) if wanted in truths else None if None in truths else Constant(not wanted)


def _listed(whole: Items | Mapping) -> Items:
    """What a loop over it meets: a dictionary's keys."""
    return whole if isinstance(whole, Items) else Items([Text(name) for name in whole.fields])


def _text(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    if not args:
        return Text("")
    inner = settled(args[0])
    if isinstance(args[0], Unknown) or not isinstance(inner, Text | Constant | Items | Mapping):
        return args[0] if isinstance(args[0], Unknown | Secret) else None
    return template_of(inner, budget)


def _represented(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    return with_spec(args[0], "", "r", budget) or _text(args, fields, budget) if args else None


def _with_defaults(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``defaultdict(list)``."""
    made = _dict(args[1:], fields, budget)
    if isinstance(made, Mapping):
        made.factory = args[0] if args else None
    return made


def _counter(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``Counter()``, which says 0 of what it has not counted; what it counts is not followed."""
    return Mapping({}, factory=Outside("int")) if not args and not fields else None


def _number(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    given = args[0] if args else Constant(0)
    inner = settled(given)
    number = inner if isinstance(inner, Constant) else _as_number(literal_text(inner, budget) or "")
    if isinstance(given, Secret):
        return Secret(given.name, number)
    if isinstance(given, Unknown):
        return replace(given, known=number)
    return number


def _whole(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    number = _number(args, fields, budget)
    is_fraction = isinstance(number, Constant) and isinstance(number.value, float) and abs(number.value) < LARGEST
    return Constant(int(number.value or 0)) if is_fraction and isinstance(number, Constant) else number


def _as_number(text: str) -> Constant | None:
    if len(text) >= MAX_DIGITS:
        return None
    try:
        return Constant(float(text) if "." in text else int(text))
    except ValueError:
        return None


def _truth(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``bool(...)``, if that is known."""
    truth = truth_of(settled(args[0])) if args else False
    return Constant(truth) if truth is not None else None


def _length(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    inner = settled(args[0]) if args else None
    if isinstance(inner, Items) and inner.is_sample:
        return None
    if isinstance(inner, Items | Mapping):
        return Constant(size_of(inner))
    text = literal_text(inner, budget) if inner is not None else None
    return Constant(len(text)) if text is not None else None


def _range(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    numbers = [
        inner.value for arg in args if isinstance(inner := settled(arg), Constant) and isinstance(inner.value, int)
    ]
    if len(numbers) != len(args) or not 1 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        return None
    return Items([Constant(number) for number in range(*numbers)[: MAX_ITEMS + 1]])


def _enumerate(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    inner = settled(args[0]) if args else None
    if not isinstance(inner, Items):
        return None
    budget.pay_elements(3 * len(inner.items))
    start = settled(args[1]) if len(args) > 1 else fields["start"].value if "start" in fields else Constant(0)
    first = start.value if isinstance(start, Constant) and isinstance(start.value, int) else 0
    return Items([Items([Constant(number), item]) for number, item in enumerate(inner.items, start=first)])


def _zip(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    lists = [inner.items for arg in args if isinstance(inner := settled(arg), Items)]
    budget.pay_elements((len(lists) + 2) * min(map(len, lists), default=0))
    return Items([Items(list(row)) for row in zip(*lists, strict=False)]) if len(lists) == len(args) else None


def _dict(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    base = settled(args[0]) if args else Mapping({})
    budget.pay_elements(len(fields) + size_of(base))
    if isinstance(base, Items):
        pairs = [_pair(item, budget) for item in base.items]
        base = Mapping(dict(pair for pair in pairs if pair)) if all(pairs) else Unknown("dict")
    return Mapping({**base.fields, **fields}, base.place) if isinstance(base, Mapping) else None


def _pair(item: Value, budget: Budget) -> tuple[str, Field] | None:
    """A key and its value, of a list of pairs; None for anything else, and for a key that is not known."""
    inner = settled(item)
    if not isinstance(inner, Items) or len(inner.items) != 2:
        return None
    key = literal_text(template_of(inner.items[0], budget), budget)
    return (key, Field(inner.items[1])) if key is not None else None


def _chained(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``itertools.chain`` of known lists."""
    if not all(isinstance(settled(arg), Items) for arg in args):
        return None
    return Items([item for arg in args for item in members(arg, budget)])


def _reshaped(args: list[Value], fields: dict[str, Field], budget: Budget, *, name: str) -> Value | None:
    return reshaped(name, template_of(args[0], budget), budget) if args else None


def _variables(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``vars(args)`` of a command line's arguments."""
    return namespace_as_mapping(settled(args[0])) if args else None


def _tool_names(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    """``load_tools(["human"])`` of LangChain: tools by their names."""
    return args[0] if args and isinstance(settled(args[0]), Items) else None


def _new_type(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    return args[1] if len(args) == 2 else None


def _none(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    return Constant(None)


_BY_NAME: dict[str, Call] = {
    **{name: partial(_reshaped, name=name) for name in RESHAPERS},
    **dict.fromkeys(_KEEPS, _kept),
    "sorted": _sorted,
    "reversed": _reversed,
    "NewType": _new_type,
    "chain": _chained,
    "OrderedDict": _dict,
    "defaultdict": _with_defaults,
    "Counter": _counter,
    "load_tools": _tool_names,
}
"""Calls by the last part of their names, whatever module they are of."""
_SIMPLE: dict[str, Call] = {
    "json.dumps": _json,
    "textwrap.fill": _wrapped,
    "textwrap.indent": _indented,
    "sum": _of_numbers(sum),
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "any": partial(_of_truths, wanted=True),
    "all": partial(_of_truths, wanted=False),
    "abs": _of_numbers(lambda numbers: abs(numbers[0])),
    "round": _of_numbers(lambda numbers: round(numbers[0], int(numbers[1]) if len(numbers) > 1 else None)),
    "str": _text,
    "repr": _represented,
    "bool": _truth,
    "int": _whole,
    "float": _number,
    "len": _length,
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "dict": _dict,
    "print": _none,
    "vars": _variables,
}
