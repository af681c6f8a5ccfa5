"""What was made once is not made again: values kept for a time, and single flight for those under way.

Three caches stand on this and share nothing: tool results within a run, model replies and task outputs across runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """A value with its age in seconds; ``reused`` if somebody else's call made it, at ``cost_usd``."""

    value: Any
    age_s: float = 0.0
    cost_usd: Decimal | None = None
    reused: bool = False


class Store(Protocol):
    """Where values outlive the call that made them."""

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        """The newest value of the key that is not older than that."""
        ...

    async def keep(self, key: str, value: Any) -> None: ...


class MemoryStore:
    """A store in this process's memory, for a run, or for as long as its maker keeps it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._values: dict[str, tuple[Any, float]] = {}
        self._clock = clock

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        if key not in self._values:
            return None
        value, made_at = self._values[key]
        age_s = self._clock() - made_at
        return Kept(value, age_s) if age_s <= max_age_s else None

    async def keep(self, key: str, value: Any) -> None:
        self._values[key] = (value, self._clock())


class Cache:
    """A store with single flight before it: who asks for what is being made waits for it. Failures are not kept.

    ``shares_failures``: who waited for a failed call fails with it; else each of them tries for itself, in turn.
    """

    def __init__(self, store: Store | None = None, *, shares_failures: bool = False) -> None:
        self._store = store or MemoryStore()
        self._shares_failures = shares_failures
        self._flights: dict[str, asyncio.Future[Any]] = {}

    async def get(
        self,
        key: str,
        *,
        make: Callable[[], Awaitable[Any]],
        ttl_s: float = float("inf"),
        is_worth_keeping: Callable[[Any], bool] = lambda value: True,
    ) -> Kept:
        """The key's value: from its maker, from the store, or made now by ``make``, whose exceptions come through.

        A value that is not worth keeping is its maker's alone: who waited for it makes one of its own.
        """
        while (flight := self._flights.get(key)) is not None:
            began = time.monotonic()
            await asyncio.wait({flight})
            if flight.cancelled() or (flight.exception() is not None and not self._shares_failures):
                continue
            return Kept(flight.result(), time.monotonic() - began, reused=True)
        return await self._make(key, make, ttl_s, is_worth_keeping)

    async def _make(
        self, key: str, make: Callable[[], Awaitable[Any]], ttl_s: float, is_worth_keeping: Callable[[Any], bool]
    ) -> Kept:
        flight: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            kept = await self._store.find(key, max_age_s=ttl_s)
            if kept is None:
                value = await make()
                if not is_worth_keeping(value):
                    flight.cancel()
                    return Kept(value)
                await self._store.keep(key, value)
            else:
                value = kept.value
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                flight.cancel()
            else:
                flight.set_exception(error)
                flight.exception()  # nobody may be waiting; that is no fault worth a log line
            raise
        finally:
            del self._flights[key]
        flight.set_result(value)
        return Kept(value) if kept is None else replace(kept, reused=True)
