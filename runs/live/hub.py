"""Tells watchers that their run or batch changed.

One LISTEN connection per event loop, opened with the first watcher and closed with the last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection

from runs.live.notify import CHANNEL
from runs.live.watchman import watchman
from runs.telemetry import metrics
from teams.rights import Right

log = logging.getLogger(__name__)

RECONNECT_S = 1.0


class Hub:
    """The watchers of one event loop, by run or batch. It belongs to the loop, not to the process: tests have many."""

    def __init__(self) -> None:
        self._watchers: dict[UUID, set[asyncio.Event]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def watch(self, thing: UUID) -> AsyncIterator[asyncio.Event]:
        """An event that is set at every change of the run or batch from now on. Clear it before reading."""
        event = asyncio.Event()
        self.follow(thing, event)
        metrics.reader_came()
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="run-listener")
        try:
            await self._ready.wait()
            yield event
        finally:
            self.let_go(thing, event)
            metrics.reader_left()
            if not self._watchers and self._listener is not None:
                self._listener.cancel()
                self._listener = None
                self._ready.clear()

    def follow(self, thing: UUID, event: asyncio.Event) -> None:
        """Sets the event at changes of this too. To be let go before the watch ends."""
        self._watchers.setdefault(thing, set()).add(event)

    def let_go(self, thing: UUID, event: asyncio.Event) -> None:
        watchers = self._watchers[thing]
        watchers.discard(event)
        if not watchers:
            del self._watchers[thing]

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except psycopg.Error as error:
                log.warning("The live connection failed; trying again", exc_info=error)
                self._ready.set()
                await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        async with await psycopg.AsyncConnection.connect(**connection_params(), autocommit=True) as live:
            await live.execute(f"LISTEN {CHANNEL}")
            if self._ready.is_set():
                self._wake_all()
            self._ready.set()
            async for notice in live.notifies():
                for event in self._watchers.get(UUID(notice.payload), ()):
                    event.set()

    def _wake_all(self) -> None:
        """After a reconnection any notice may have been missed, so every watcher looks. Those who waited for the first
        connection look by themselves."""
        for watchers in self._watchers.values():
            for event in watchers:
                event.set()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The running loop's hub."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


async def changes(
    thing: UUID, right: Right, *, heartbeat_s: float = 15.0, parts: Callable[[], Collection[UUID]] = tuple
) -> AsyncGenerator[bool, None]:
    """Yields True at once and at every change of the run or batch, False after each ``heartbeat_s`` without one. Ends
    when the right was lost by which the reader watches.

    Changes that come while the reader is busy are folded into one. ``parts`` are what else is watched, as far as the
    reader knows when it comes back: new ones may have changed before that, so that it is to look once more.
    """
    async with hub().watch(thing) as changed, watchman().watch(right, changed) as watched:
        followed: set[UUID] = set()
        try:
            has_changed = True
            while watched.holds:
                yield has_changed
                if _follow(set(parts()), followed, changed):
                    changed.set()
                try:
                    await asyncio.wait_for(changed.wait(), heartbeat_s)
                except TimeoutError:
                    has_changed = False
                else:
                    changed.clear()
                    has_changed = True
        finally:
            _follow(set(), followed, changed)


def _follow(wanted: set[UUID], followed: set[UUID], event: asyncio.Event) -> bool:
    """Follows what is wanted and nothing else; whether any of it is new."""
    new = wanted - followed
    for thing in new:
        hub().follow(thing, event)
    for thing in followed - wanted:
        hub().let_go(thing, event)
    followed.clear()
    followed |= wanted
    return bool(new)


def connection_params() -> dict[str, Any]:
    """Django's connection parameters, for opening a connection besides Django's."""
    wanted = ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "connect_timeout")
    params = connection.get_connection_params()
    return {
        name: value
        for name, value in params.items()
        if value and (name in wanted or name.startswith(("keepalives", "tcp_")))
    }
