"""What the readers of live runs are shown is read on a few threads of their own, once for all who ask at a time.

So a crowd of readers neither takes the threads and connections of all other pages, nor reads one run fifty times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import connection

T = TypeVar("T")

THREADS = 2
"""In a process, and so many connections."""
GATHER_S = 0.03
"""So long a look waits for others who want the same: a change wakes all readers of a run within a few milliseconds."""

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live")


class Looks:
    """The looks of one event loop that were asked for."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(THREADS)
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}

    async def share(self, key: Hashable, look: Callable[[], T]) -> T:
        """What ``look`` returns on a thread. It begins after it was asked for, so it misses no change before that.

        Who asks under the same key before it begins gets the same result, so the key says all that it depends on.
        """
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._carry_out(key, look))
        found: T = await asyncio.shield(self._asked[key])
        return found

    async def _carry_out(self, key: Hashable, look: Callable[[], T]) -> T:
        try:
            await asyncio.sleep(GATHER_S)
            await self._places.acquire()
        finally:
            del self._asked[key]
        try:
            run = copy_context().run
            return await asyncio.get_running_loop().run_in_executor(_threads, run, _and_give_back, look)
        finally:
            self._places.release()


_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, Looks] = WeakKeyDictionary()


async def share_look(key: Hashable, look: Callable[[], T]) -> T:
    """``Looks.share`` of the running loop."""
    return await _looks.setdefault(asyncio.get_running_loop(), Looks()).share(key, look)


def _and_give_back(look: Callable[[], T]) -> T:
    """The connection is given back: a reader may stay for hours, and the pool is small."""
    try:
        return look()
    finally:
        connection.close()
