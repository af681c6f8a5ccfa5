"""What every log line of a run, a call or a request is marked with. How lines are written is ``crewsite.logs.lines``'s.

The marks live in a context variable: each run is a coroutine of its own on the worker's one loop, and its tasks, tool
calls and database work inherit what was marked where they began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_marks: ContextVar[Mapping[str, Any]] = ContextVar("log_marks", default=MappingProxyType({}))


class OpenCall:
    """A call's mark. Whoever settles it may be another coroutine, so it is taken away here and not in the context."""

    __slots__ = ("_call_id",)

    def __init__(self, call_id: object) -> None:
        self._call_id: object | None = call_id

    def ended(self) -> None:
        self._call_id = None

    def __str__(self) -> str:
        return str(self._call_id or "")


@contextmanager
def marked(**marks: object) -> Iterator[None]:
    """Marks the lines within."""
    token = _marks.set({**_marks.get(), **marks})
    try:
        yield
    finally:
        _marks.reset(token)


def mark(**marks: object) -> None:
    """Marks this coroutine's lines from now on; for those that end with what they are marked for."""
    _marks.set({**_marks.get(), **marks})


def mark_call(call_id: object) -> OpenCall:
    """Marks this coroutine's lines with the call until it ``ended``."""
    opened = OpenCall(call_id)
    mark(call_id=opened)
    return opened


def marks() -> dict[str, str | int]:
    """The marks as they stand, without those that are empty."""
    found = {name: value if isinstance(value, int) else str(value) for name, value in _marks.get().items()}
    return {name: value for name, value in found.items() if value != ""}
