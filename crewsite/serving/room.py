"""How many requests of one kind are worked on at once, and how many wait for how long. Who finds no room is told so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

from crewsite import http_metrics

T = TypeVar("T")


class NoRoom(Exception):
    """There is more to do than can be done in time."""


@dataclass(frozen=True, slots=True)
class Bounds:
    at_work: int  # threads
    waiting: int
    patience_s: float  # the longest that one waits before work on it begins


class Room:
    """Work of one kind: bounded threads of its own, and a bounded queue before them."""

    def __init__(self, name: str, bounds: Bounds) -> None:
        self._name = name
        self._bounds = bounds
        self._places = asyncio.Semaphore(bounds.at_work)
        self._waiting = 0
        self._threads = ThreadPoolExecutor(bounds.at_work, thread_name_prefix=name)

    async def carry_out(self, work: Callable[[], T]) -> T:
        """What ``work`` returns, carried out on a thread. Raises ``NoRoom`` if it cannot begin in time.

        Once begun it is not left: its thread cannot be stopped, so its place is kept until it ends, whoever gives up.
        """
        await self._find_place()
        try:
            running = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        except BaseException:
            self._places.release()
            raise
        running.add_done_callback(lambda _: self._places.release())
        return await asyncio.shield(running)

    async def _find_place(self) -> None:
        if self._places.locked() and self._waiting >= self._bounds.waiting:
            self._refuse()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._bounds.patience_s):
                await self._places.acquire()
        except TimeoutError:
            self._refuse()
        finally:
            self._waiting -= 1

    def _refuse(self) -> None:
        http_metrics.request_shed(self._name)
        raise NoRoom(self._name)
