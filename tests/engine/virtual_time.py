"""An event loop whose clock is its own: waiting takes no time, so figures of time are exact on any machine.

Only for what waits in the loop alone: no threads, no sockets.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

HANDED_OVER_S = 5.0


class _Leap(selectors.SelectSelector):
    """Instead of waiting, the clock goes on by as much."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:  # nothing is to come by the clock; a thread may still be about to hand something over
            if not (events := super().select(HANDED_OVER_S)):
                raise AssertionError("Everything waits and nothing will ever happen: a hang.")
            return events
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._leap.now


def clock() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """The result, with the assertion that nothing was left behind."""
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(work)
        left = asyncio.all_tasks(loop)
        assert not left, left
        return result
    finally:
        loop.close()
