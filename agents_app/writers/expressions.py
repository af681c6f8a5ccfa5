"""What an exported crew is made of, before it is written as Python, YAML or JSON: plain values, names and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Expression: TypeAlias = Any
"""None, a flag, a number, a text, a list or a dictionary with texts as keys, or one of the classes below."""


@dataclass(frozen=True, slots=True)
class Name:
    """Something that the file has under a name: an identifier, or ``module.name``. Never a text of a person."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """``name(*args, **fields)``. The names are identifiers of ours."""

    name: str
    fields: Mapping[str, Expression] = field(default_factory=dict)
    args: Sequence[Expression] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """``name[item, item]``: a type such as ``list[str]``."""

    name: str
    items: Sequence[Expression]


def is_plain(value: Expression) -> bool:
    """Whether a value needs no Python, so that YAML and JSON can hold it."""
    if isinstance(value, Name | Call | Index):
        return False
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    return not isinstance(value, list | tuple) or all(map(is_plain, value))
