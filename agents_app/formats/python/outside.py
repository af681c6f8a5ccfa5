"""Calls to built-in functions and libraries whose result can be known without running them."""

from __future__ import annotations

from collections.abc import Callable

from agents_app.formats.budget import Budget
from agents_app.formats.python.attributes import document
from agents_app.formats.python.frames import Frame
from agents_app.formats.python.texts import ASKED, RESHAPERS, reshaped, template_of
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Secret,
    Text,
    Unknown,
    Value,
    settled,
    size_of,
)

_ASKS = frozenset({"input", "text_input", "text_area", "selectbox", "ask", "prompt"})
_PASSES = frozenset(
    {"run", "gather", "wait_for", "create_task", "run_until_complete", "to_thread", "cast", "nullcontext"}
)
_KEEPS = frozenset({"list", "tuple", "set", "sorted", "frozenset", "copy", "deepcopy"})
_LOADS = frozenset({"safe_load", "load", "loads", "full_load"})
_MAX_RANGE = 50

Call = Callable[[list[Value], dict[str, Field], Budget], Value | None]


def call_outside(path: str, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value | None:
    """The result of the call; None if it is not known here."""
    name, budget = path.rpartition(".")[2], frame.world.budget
    result: Value | None = None
    if name in _ASKS:
        result = Unknown(ASKED)
    elif name in ("getenv", "getpass") or path.endswith(("environ.get", "secrets.get", "userdata.get")):
        result = _secret(args, fields)
    elif name in RESHAPERS and args:
        result = reshaped(name, template_of(args[0], budget), budget)
    elif name in _PASSES and "." in path and args:
        result = args[-1] if name == "cast" else args[0]
    elif name in _KEEPS and len(args) <= 1:
        result = _kept(args, budget)
    elif name == "read" or name in _LOADS:
        result = _loaded(args, frame)
    elif name == "super":
        result = Unknown("super")
    elif path in _SIMPLE:
        result = _SIMPLE[path](args, fields, budget)
    return result


def _secret(args: list[Value], fields: dict[str, Field]) -> Value:
    first = settled(args[0]) if args else None
    fallback = args[1] if len(args) > 1 else fields["default"].value if "default" in fields else None
    inner = settled(fallback) if fallback is not None else None
    usable = isinstance(inner, Text) and bool(inner.template)
    return Secret(first.template if isinstance(first, Text) else "SECRET", inner if usable else None)


def _kept(args: list[Value], budget: Budget) -> Value | None:
    if not args:
        return Items([])
    first = settled(args[0])
    budget.pay_elements(size_of(first))
    if isinstance(first, Mapping):
        return Items([Text(name) for name in first.fields])
    return Items(list(first.items)) if isinstance(first, Items) else args[0]


def _loaded(args: list[Value], frame: Frame) -> Value | None:
    """``yaml.safe_load(open("config/agents.yaml"))`` and its like, if the project's files include the file."""
    first = settled(args[0]) if args else None
    while isinstance(first, Definition) and first.args:
        first = settled(first.args[0].value)
    return document(first.template, frame) if isinstance(first, Text) and first.literal else None


def _text(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    if not args:
        return Text("")
    inner = settled(args[0])
    if isinstance(args[0], Unknown) or not isinstance(inner, Text | Constant):
        return args[0] if isinstance(args[0], Unknown | Secret) else None
    return template_of(inner, budget)


def _number(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    inner = settled(args[0]) if args else Constant(0)
    if isinstance(inner, Constant):
        return inner
    if isinstance(inner, Text) and inner.literal and len(inner.template) < 16:
        try:
            return Constant(float(inner.template) if "." in inner.template else int(inner.template))
        except ValueError:
            return None
    return args[0] if isinstance(args[0], Unknown | Secret) else None


def _length(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    inner = settled(args[0]) if args else None
    return Constant(len(inner.items)) if isinstance(inner, Items) else None


def _range(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    numbers = [
        inner.value for arg in args if isinstance(inner := settled(arg), Constant) and isinstance(inner.value, int)
    ]
    if len(numbers) != len(args) or not 1 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        return None
    return Items([Constant(number) for number in range(*numbers)[:_MAX_RANGE]])


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
    base = settled(args[0]) if args else None
    budget.pay_elements(len(fields) + (size_of(base) if base else 0))
    return Mapping({**(base.fields if isinstance(base, Mapping) else {}), **fields})


def _none(args: list[Value], fields: dict[str, Field], budget: Budget) -> Value | None:
    return Constant(None)


_SIMPLE: dict[str, Call] = {
    "str": _text,
    "int": _number,
    "float": _number,
    "len": _length,
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "dict": _dict,
    "print": _none,
}
