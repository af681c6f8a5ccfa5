"""Counts a server's open connections, by client address and in all, and looks at each of them once a second.

Time is counted in looks. A process that stands still does not look, and holds no client to account for that.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from typing import Protocol
from weakref import WeakKeyDictionary

from uvicorn.server import ServerState

from teams.guessing.address import counted_address

LOOK_EVERY_S = 1.0


class Connection(Protocol):
    def look(self, now: int) -> None:
        """Cuts the connection if its client takes too long."""


class Doorkeeper:
    """One for each server. ``now`` is the number of looks so far."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connections: Collection[Connection]) -> None:
        self.now = 0
        self._loop = loop
        self._connections = connections
        self._by_address: Counter[str] = Counter()
        self._loop.call_later(LOOK_EVERY_S, self._look)

    def admits(self, client: str, *, most: int, most_per_address: int) -> bool:
        """Whether one more connection of this client is within both bounds; if so, it is counted. 0: no bound."""
        address = counted_address(client)
        if len(self._connections) > most or (most_per_address and self._by_address[address] >= most_per_address):
            return False
        self._by_address[address] += 1
        return True

    def left(self, client: str) -> None:
        """An admitted connection of this client is closed."""
        address = counted_address(client)
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _look(self) -> None:
        self._loop.call_later(LOOK_EVERY_S, self._look)
        self.now += 1
        for connection in list(self._connections):
            connection.look(self.now)


_doorkeepers: WeakKeyDictionary[ServerState, Doorkeeper] = WeakKeyDictionary()


def doorkeeper_of(state: ServerState, loop: asyncio.AbstractEventLoop) -> Doorkeeper:
    """The server's own, made for its first connection."""
    if state not in _doorkeepers:
        _doorkeepers[state] = Doorkeeper(loop, state.connections)  # type: ignore[arg-type]
    return _doorkeepers[state]
