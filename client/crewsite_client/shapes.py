"""Whether an answer has the shape that its type says, so that nothing that reads it meets a gap.

A type is one of the typed dictionaries of the answers, or what they are made of. An answer may hold more than its type,
and a word that the type does not know where it names some: a newer server may say more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from crewsite_client.errors import CrewsiteError

Usd = Annotated[str, "usd"]
"""Decimal text in USD."""
Time = Annotated[str, "time"]
"""ISO 8601, with its zone."""
MOST = 2**63
"""Of whole numbers: no count, size or span of any server reaches it."""
DEEPEST = 100
"""Levels of what people and models gave: more cannot be written out again."""
AMOUNT = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
Check = Callable[[Any, str], None]


class MisshapenError(CrewsiteError):
    """``str()`` is the place, and what is wrong there: ``usage.cost_usd is no amount``."""


def check(kind: Any, value: Any) -> None:
    """Raises ``MisshapenError`` for the first place that is not as the type says."""
    _check_of(kind)(value, "")


@cache
def _check_of(kind: Any) -> Check:
    if kind in PLAIN:
        return PLAIN[kind]
    if is_typeddict(kind):
        return _object(kind)
    return COMPOSED[get_origin(kind)](kind)


def _object(kind: Any) -> Check:
    hints = get_type_hints(kind, include_extras=True)
    made: dict[str, Check] = {}

    def check_object(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(place, "no object")
        for name, hint in hints.items():
            inner = _inner(place, name)
            if name not in value:
                raise _wrong(inner, "missing")
            if name not in made:  # not before: some hold others of their own kind
                made[name] = _check_of(hint)
            made[name](value[name], inner)

    return check_object


def _either(kind: Any) -> Check:
    kinds = get_args(kind)
    may_be_null = NoneType in kinds
    checks = [_check_of(kind) for kind in kinds if kind is not NoneType]

    def check_either(value: Any, place: str) -> None:
        if value is None and may_be_null:
            return
        for number, one in enumerate(checks, 1):
            try:
                one(value, place)
            except MisshapenError:
                if number == len(checks):
                    raise
            else:
                return

    return check_either


def _items(kind: Any) -> Check:
    (kind,) = get_args(kind)

    def check_items(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise _wrong(place, "no list")
        one = _check_of(kind)
        for number, item in enumerate(value):
            one(item, _inner(place, str(number)))

    return check_items


def _values(kind: Any) -> Check:
    _, kind = get_args(kind)

    def check_values(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(place, "no object")
        one = _check_of(kind)
        for item in value.values():  # whose names are the server's, and stand in no error
            one(item, _inner(place, "*"))

    return check_values


def _of_type(kind: type, what: str) -> Check:
    def check_type(value: Any, place: str) -> None:
        if not isinstance(value, kind):
            raise _wrong(place, f"no {what}")

    return check_type


def _whole_number(value: Any, place: str) -> None:
    if type(value) is not int or abs(value) >= MOST:
        raise _wrong(place, "no whole number")


def _number(value: Any, place: str) -> None:
    if type(value) is float and isfinite(value):
        return
    if type(value) is not int or abs(value) >= MOST:
        raise _wrong(place, "no number")


def _amount(value: Any, place: str) -> None:
    if not isinstance(value, str) or not AMOUNT.fullmatch(value):
        raise _wrong(place, "no amount")


def _time(value: Any, place: str) -> None:
    try:
        known = datetime.fromisoformat(value).tzinfo is not None
    except (ValueError, TypeError):
        known = False
    if not known:
        raise _wrong(place, "no time")


def _anything(value: Any, place: str) -> None:
    """What people and models gave: no deeper than can be written again."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise _wrong(place, "nested too deep")
        inside: list[Any] = []
        for one in level:
            if isinstance(one, (dict, list)):
                inside += one.values() if isinstance(one, Mapping) else one
        level = inside


def _inner(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _wrong(place: str, what: str) -> MisshapenError:
    return MisshapenError(f"{place or 'it'} is {what}")


PLAIN: dict[Any, Check] = {
    Any: _anything,
    Usd: _amount,
    Time: _time,
    str: _of_type(str, "text"),
    bool: _of_type(bool, "yes or no"),
    int: _whole_number,
    float: _number,
}
COMPOSED: dict[Any, Callable[[Any], Check]] = {
    Union: _either,
    UnionType: _either,
    list: _items,
    dict: _values,
    Literal: lambda _: PLAIN[str],
}
