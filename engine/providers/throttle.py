"""How fast a provider may be asked: requests and tokens per minute, requests in flight, and pauses it asked for.

A *lane* is one credential and one model: what a provider counts together. Its window bounds the requests in flight. It
is unbounded until the provider first says that it is asked too often. Each such refusal halves it, and each window's
worth of answers lets it grow by one (additive increase, multiplicative decrease, as in TCP), so throttled work keeps
flowing.
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
"""After a refusal without Retry-After."""
MAX_PAUSE_S = 120.0
"""Where the provider asks for longer, one request tries again after this, rather than that all wait for hours."""

LaneKey = tuple[str, str]
"""The name of the credential, and the model."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A lane's limits for each minute; None is no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(slots=True)
class Window:
    """How many requests may be in flight in a lane. ``size`` is None until the first refusal: no limit."""

    size: float | None = None
    shrunk_at: float = float("-inf")

    def shrink(self, *, in_flight: int, asked_at: float, now: float) -> None:
        """Halves the window, but not for a request that was sent before the last halving."""
        if asked_at < self.shrunk_at:
            return
        self.size = max(1.0, min(self.size or in_flight, in_flight) / 2)
        self.shrunk_at = now

    def grow(self) -> None:
        if self.size is not None:
            self.size += 1 / self.size


@dataclass(slots=True)
class _LaneState:
    """``asked_at``: when requests of the last minute were sent. ``used``: (when, tokens) of the last minute.

    ``in_flight``: when those in flight were sent. ``turns``: held by whoever is first in line.
    """

    window: Window = field(default_factory=Window)
    asked_at: deque[float] = field(default_factory=deque)
    used: deque[tuple[float, int]] = field(default_factory=deque)
    in_flight: deque[float] = field(default_factory=deque)
    paused_until: float = float("-inf")
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Throttle:
    """The lanes of one process and event loop. Runs that share a throttle share its limits."""

    def __init__(
        self, rates: Mapping[LaneKey, Rate] | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = dict(rates or {})
        self._clock = clock
        self._lanes: dict[LaneKey, _LaneState] = {}

    async def enter(self, lane: LaneKey, *, tokens: int = 0) -> None:
        """Waits until the lane takes a request of that many tokens, and counts it. First come, first served."""
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
        """Counts the request as ended. ``more_tokens``: what it used beyond the tokens it entered with."""
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
        """Seconds until the lane may be asked, 0 for now; infinite if only the end of another request can tell."""
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
    """Seconds until the oldest entry of the last minute no longer counts. A request beyond the limit goes alone."""
    waits = [0.0]
    if rate.requests_per_minute is not None and len(state.asked_at) >= rate.requests_per_minute:
        waits.append(state.asked_at[0] + MINUTE_S - now)
    used_tokens = sum(used for _, used in state.used) if rate.tokens_per_minute is not None else 0
    if rate.tokens_per_minute is not None and used_tokens > 0 and used_tokens + tokens > rate.tokens_per_minute:
        waits.append(state.used[0][0] + MINUTE_S - now)
    return max(waits)
