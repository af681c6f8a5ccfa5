"""How fast a provider may be asked: requests and tokens per minute, requests in flight, and pauses it asked for.

A *lane* is what a provider counts under: one credential and one model. The window of requests in flight has no bound
until the provider first refuses for being asked too often; then it halves, and grows back by one for each window's
worth of answers (additive increase, multiplicative decrease, as TCP's), so that throttled work keeps flowing.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

MINUTE_S = 60.0
DEFAULT_PAUSE_S = 1.0
"""For refusals without Retry-After."""
MAX_PAUSE_S = 120.0
"""After a longer one that was asked for, somebody asks again and is told; nobody else waits for hours in silence."""

LaneKey = tuple[str, str]
"""The credential's name and the model."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The most a lane may be asked in a minute; None is no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(slots=True)
class Window:
    """The requests in flight that a lane takes. ``size`` is None while nothing was ever refused."""

    size: float | None = None
    shrunk_at: float = float("-inf")

    def shrink(self, *, in_flight: int, asked_at: float, now: float) -> None:
        """Halves, once for all refusals of requests that were asked before the last halving."""
        if asked_at < self.shrunk_at:
            return
        self.size = max(1.0, min(self.size or in_flight, in_flight) / 2)
        self.shrunk_at = now

    def grow(self) -> None:
        if self.size is not None:
            self.size += 1 / self.size


@dataclass(slots=True)
class _LaneState:
    window: Window = field(default_factory=Window)
    asked_at: deque[float] = field(default_factory=deque)
    used: deque[tuple[float, int]] = field(default_factory=deque)
    in_flight: deque[float] = field(default_factory=deque)
    paused_until: float = float("-inf")
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Throttle:
    """The lanes of one process and event loop. Who shares it shares the limits."""

    def __init__(
        self, rates: Mapping[LaneKey, Rate] | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = dict(rates or {})
        self._clock = clock
        self._lanes: dict[LaneKey, _LaneState] = {}

    async def enter(self, lane: LaneKey, *, tokens: int = 0) -> None:
        """Waits, first come first served, until the lane may be asked for that many tokens, and counts the request."""
        state = self._lanes.setdefault(lane, _LaneState())
        async with state.turns:
            while (wait_s := self._wait_s(lane, state, tokens)) > 0:
                state.changed.clear()
                # Not wait_for: up to Python 3.11 it loses a cancellation that comes with what it waits for.
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if wait_s == float("inf") else wait_s):
                        await state.changed.wait()
        now = self._clock()
        state.asked_at.append(now)
        state.used.append((now, tokens))
        state.in_flight.append(now)

    def leave(
        self, lane: LaneKey, *, throttled: bool = False, retry_after_s: float | None = None, more_tokens: int = 0
    ) -> None:
        """Counts the request as ended. ``more_tokens``: used beyond those it entered with."""
        state, now = self._lanes[lane], self._clock()
        if throttled:
            state.window.shrink(in_flight=len(state.in_flight), asked_at=state.in_flight[0], now=now)
            pause_s = DEFAULT_PAUSE_S if retry_after_s is None else retry_after_s
            state.paused_until = max(state.paused_until, now + min(pause_s, MAX_PAUSE_S))
        else:
            state.window.grow()
            state.used.append((now, max(0, more_tokens)))
        state.in_flight.popleft()
        state.changed.set()

    def _wait_s(self, lane: LaneKey, state: _LaneState, tokens: int) -> float:
        """Seconds until it is worth looking again; infinite if only an ending request changes anything."""
        now = self._clock()
        if now < state.paused_until:
            return state.paused_until - now
        if state.window.size is not None and len(state.in_flight) >= max(1, int(state.window.size)):
            return float("inf")
        while state.asked_at and now - state.asked_at[0] >= MINUTE_S:
            state.asked_at.popleft()
        while state.used and now - state.used[0][0] >= MINUTE_S:
            state.used.popleft()
        rate = self._rates.get(lane)
        return 0.0 if rate is None else _rate_wait_s(rate, state, tokens, now)


def _rate_wait_s(rate: Rate, state: _LaneState, tokens: int, now: float) -> float:
    """Until the oldest figure of the last minute no longer counts; a request larger than the limit goes alone."""
    waits = [0.0]
    if rate.requests_per_minute is not None and len(state.asked_at) >= rate.requests_per_minute:
        waits.append(state.asked_at[0] + MINUTE_S - now)
    used = sum(used for _, used in state.used) if rate.tokens_per_minute is not None else 0
    if rate.tokens_per_minute is not None and used > 0 and used + tokens > rate.tokens_per_minute:
        waits.append(state.used[0][0] + MINUTE_S - now)
    return max(waits)
