"""Threads on which the tools of runs read and write the database, and how runs share them.

A run asks for as many searches at once as its model likes. It gets one thread, and all runs of its team in this process
two of the four, so that others find a thread. What waits is no work of a thread: a run that is cut off leaves nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from django.db import connection

from engine.tools.tool import ToolFailed
from runs.worker.one_per_process import one_per_process

MAX_READINGS = 4
"""At once in one process, each on a thread with a connection; more wait their turn."""
READINGS_OF_TEAM = 2
RUN_SECONDS = 120.0
"""Of threads' time for one run in all. A search takes some 20 ms."""
USED_UP = f"Searches and notes of this run took {RUN_SECONDS:g} s in all, the most that a run has. Answer without more."

T = TypeVar("T")


class Reading:
    """The share of one run. ``seconds``: what its work on threads may take in all."""

    def __init__(self, team_id: int, *, seconds: float = RUN_SECONDS) -> None:
        self._team_id = team_id
        self._left_s = seconds
        self._turn = asyncio.Lock()

    async def do(self, work: Callable[[], T]) -> T:
        """Does the work on a thread and closes its connection. Raises ``ToolFailed`` if nothing is left to the run."""
        async with self._turn, _turns_of(self._team_id):
            if self._left_s <= 0:
                raise ToolFailed(USED_UP)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(reading_threads(), self._timed, work)

    def _timed(self, work: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return work()
        finally:
            connection.close()  # the threads idle between runs, and a kept connection would idle with them
            self._left_s -= time.monotonic() - began


@one_per_process
def reading_threads() -> ThreadPoolExecutor:
    """This process's own, made at first use and so never before a fork."""
    return ThreadPoolExecutor(MAX_READINGS, thread_name_prefix="reading")


def _turns_of(team_id: int) -> asyncio.Semaphore:
    """The team's on the running loop, kept as long as somebody has or awaits a turn."""
    of_loop = _turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    turns = of_loop.get(team_id)
    if turns is None:
        turns = of_loop[team_id] = asyncio.Semaphore(READINGS_OF_TEAM)
    return turns


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[int, asyncio.Semaphore]] = WeakKeyDictionary()
