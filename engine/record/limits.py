"""The limits of one run, checked before each request: calls, tokens, seconds, money, and requests per minute.

Budgets that several workers share are not here: the journal reserves them durably.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from engine.catalogue.pricing import Usage
from engine.errors import LimitReached

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The most that a run may use; None is no limit. For ``max_usd`` what calls in flight reserve counts as spent."""

    max_calls: int | None = None
    max_tokens: int | None = None
    max_seconds: float | None = None
    max_usd: Decimal | None = None


class Limits:
    """The counters of one run, in one event loop.

    ``calls``, ``tokens`` and ``elapsed_s``: what the run used before another worker took it over.
    """

    def __init__(
        self,
        limits: RunLimits | None = None,
        *,
        calls: int = 0,
        tokens: int = 0,
        elapsed_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or RunLimits()
        self.calls = calls
        self.tokens = tokens
        self.spent_usd = Decimal(0)
        self.reserved_usd = Decimal(0)
        self._clock = clock
        self._began_at = clock() - elapsed_s
        self._asked_at: dict[str, deque[float]] = {}

    def reserve(self, worst_usd: Decimal) -> None:
        """Counts a request that is about to be made. Raises ``LimitReached`` instead if a limit forbids it."""
        limits = self.limits
        elapsed_s = self._clock() - self._began_at
        if limits.max_calls is not None and self.calls >= limits.max_calls:
            raise _reached("max_calls", self.calls, f"The run has made its {limits.max_calls} calls.")
        if limits.max_tokens is not None and self.tokens >= limits.max_tokens:
            raise _reached("max_tokens", self.tokens, f"The run has used its {limits.max_tokens:,} tokens.")
        if limits.max_seconds is not None and elapsed_s >= limits.max_seconds:
            raise _reached("max_seconds", elapsed_s, f"The run has taken its {limits.max_seconds:g} s.")
        used_usd = self.spent_usd + self.reserved_usd
        if limits.max_usd is not None and used_usd + worst_usd > limits.max_usd:
            message = f"The next call could cost ${worst_usd:f}; ${used_usd:f} of ${limits.max_usd:f} are used."
            raise LimitReached(message, limit="max_usd", figure=used_usd, needs_usd=worst_usd)
        self.calls += 1
        self.reserved_usd += worst_usd

    def give_back(self, worst_usd: Decimal) -> None:
        """Takes back a request that was not made after all."""
        self.calls -= 1
        self.reserved_usd -= worst_usd

    def settle(self, worst_usd: Decimal, *, usage: Usage, cost_usd: Decimal | None) -> None:
        """Replaces a reservation by what the request used. An unknown cost counts as 0."""
        self.reserved_usd -= worst_usd
        self.spent_usd += cost_usd or Decimal(0)
        self.tokens += usage.total_tokens

    async def wait_for_turn(self, who: str, requests_per_minute: int | None) -> None:
        """Waits until ``who`` has made fewer requests than that in the last minute, then counts one more."""
        if requests_per_minute is None:
            return
        asked_at = self._asked_at.setdefault(who, deque())
        while True:
            now = self._clock()
            while asked_at and now - asked_at[0] >= MINUTE_S:
                asked_at.popleft()
            if len(asked_at) < requests_per_minute:
                asked_at.append(now)
                return
            await asyncio.sleep(asked_at[0] + MINUTE_S - now)


def _reached(limit: str, figure: int | float, message: str) -> LimitReached:
    return LimitReached(message, limit=limit, figure=figure)
