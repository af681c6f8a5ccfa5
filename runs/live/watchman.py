"""Ends streams whose readers may no longer see them: all streams of an event loop are looked at together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.db import connection

from teams.rights import Right, still_held

log = logging.getLogger(__name__)

_thread = ThreadPoolExecutor(1, thread_name_prefix="stream-rights")
"""One, so that a process keeps one connection for it."""

LOOK_EVERY_S = 5.0
GOOD_FOR_S = 15.0
"""How long a right counts after it was seen to hold. So nothing more is sent either when it cannot be looked at."""


@dataclass(eq=False, slots=True)
class Watched:
    """One stream's right, and the event that wakes its stream when the right is lost."""

    right: Right
    wake: asyncio.Event
    good_until: float = field(default_factory=lambda: time.monotonic() + GOOD_FOR_S)

    @property
    def holds(self) -> bool:
        return time.monotonic() < self.good_until


class Watchman:
    """Looks at the rights of one event loop's streams while there are any. It belongs to the loop, as the hub does."""

    def __init__(self) -> None:
        self._streams: set[Watched] = set()
        self._rounds: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watch(self, right: Right, wake: asyncio.Event) -> AsyncIterator[Watched]:
        """For a right that was just seen to hold."""
        stream = Watched(right, wake)
        self._streams.add(stream)
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._make_rounds(), name="stream-rights")
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams and self._rounds is not None:
                self._rounds.cancel()
                self._rounds = None

    async def _make_rounds(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._look(tuple(self._streams))
            except Exception as error:  # whatever it is, the rights are not known, and the streams end in time
                log.warning("The rights of open streams could not be looked at", exc_info=error)

    async def _look(self, streams: Collection[Watched]) -> None:
        good_until = time.monotonic() + GOOD_FOR_S
        held = await sync_to_async(_held, thread_sensitive=False, executor=_thread)(
            {stream.right for stream in streams}
        )
        for stream in streams:
            stream.good_until = good_until if stream.right in held else 0.0
            if not stream.holds:
                stream.wake.set()


def _held(rights: Collection[Right]) -> set[Right]:
    try:
        return still_held(rights)
    finally:
        connection.close()


_watchmen: WeakKeyDictionary[asyncio.AbstractEventLoop, Watchman] = WeakKeyDictionary()


def watchman() -> Watchman:
    """The running loop's watchman."""
    return _watchmen.setdefault(asyncio.get_running_loop(), Watchman())
