"""The marks on every log line of a request, a run or a call. How a line is written is ``crewsite.logs.lines``'s matter.

The marks live in a context variable. Each run is a coroutine of its own on the worker's one loop, and its tasks, tool
calls and database work inherit the marks of where they began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from engine.context_variables import holding, set_variable

_marks: ContextVar[Mapping[str, Any]] = ContextVar("log_marks", default=MappingProxyType({}))


class OpenCall:
    """The mark of a call until it ``ended``; from then on it is empty.

    Another coroutine may settle the call, and could not reset this one's context variable. So the mark empties itself.
    """

    __slots__ = ("_call_id",)

    def __init__(self, call_id: object) -> None:
        self._call_id: object | None = call_id

    def ended(self) -> None:
        self._call_id = None

    def __str__(self) -> str:
        return str(self._call_id or "")


@contextmanager
def marked(**marks: object) -> Iterator[None]:
    """Adds the marks to all lines that are logged within."""
    with holding(_marks, {**_marks.get(), **marks}):
        yield


def mark(**marks: object) -> None:
    """Adds the marks to this coroutine's lines from now on, for a coroutine that ends with what it is marked for."""
    set_variable(_marks, {**_marks.get(), **marks})


def mark_call(call_id: object) -> OpenCall:
    """Adds the call's id to this coroutine's lines until the call ``ended``."""
    open_call = OpenCall(call_id)
    mark(call_id=open_call)
    return open_call


def marks() -> dict[str, str | int]:
    """The marks as they stand, without empty ones."""
    texts = {name: value if isinstance(value, int) else str(value) for name, value in _marks.get().items()}
    return {name: value for name, value in texts.items() if value != ""}
