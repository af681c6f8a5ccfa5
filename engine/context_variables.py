"""Sets context variables in a way that garbage collection cannot crash.

Before Python 3.12 a collection may begin while ``ContextVar.set`` builds the context's new map. If something that is
collected sets a variable too, the old map is freed while it is being read, and the process dies (CPython's issue
148891). So nothing is collected meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TypeVar

from engine.garbage import no_collections

T = TypeVar("T")


def set_variable(variable: ContextVar[T], value: T) -> Token[T]:
    """``variable.set(value)``."""
    with no_collections():
        return variable.set(value)


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Within it the variable has this value."""
    token = set_variable(variable, value)
    try:
        yield
    finally:
        with no_collections():
            variable.reset(token)
