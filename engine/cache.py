"""Caches with single flight: whoever asks for a value that is being made waits for it instead of making it again.

Several caches are made of this, and share nothing: of tool results, within a run and across runs; of model replies and
of task outputs, across runs.
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
    """A value from a cache. ``reused``: another call made it, ``age_s`` ago and for ``cost_usd``, None if unknown."""

    value: Any
    age_s: float = 0.0
    cost_usd: Decimal | None = None
    reused: bool = False


class Store(Protocol):
    """Where values are kept."""

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        """The newest value of the key, if it is not older than ``max_age_s``."""
        ...

    async def keep(self, key: str, value: Any) -> None: ...


class MemoryStore:
    """A store in memory; it lasts as long as the object."""

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
    """A store with single flight in front of it. Failures are not kept.

    ``shares_failures``: whoever waited for a call that failed fails too; otherwise each of them tries again, in turn.
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
        """The value of the key: awaited from a call under way, found in the store, or made now by ``make``.

        What ``make`` raises is passed on. A value that is not worth keeping goes to the caller that made it alone;
        whoever waited for it makes another.
        """
        while (flight := self._flights.get(key)) is not None:
            began_at = time.monotonic()
            await asyncio.wait({flight})
            if flight.cancelled() or (flight.exception() is not None and not self._shares_failures):
                continue
            return Kept(flight.result(), time.monotonic() - began_at, reused=True)
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
        except BaseException as error:  # also cancellation: whoever waits must be told in every case
            if isinstance(error, asyncio.CancelledError):
                flight.cancel()
            else:
                flight.set_exception(error)
                flight.exception()  # marks it as seen: nobody may be waiting, and asyncio would log that
            raise
        finally:
            del self._flights[key]
        flight.set_result(value)
        return Kept(value) if kept is None else replace(kept, reused=True)
