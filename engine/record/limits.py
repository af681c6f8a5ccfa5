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
from typing import Any

from engine.catalogue.pricing import Usage
from engine.errors import LimitReached
from engine.text import counted

MINUTE_S = 60.0
MAX_TEXT = 200_000_000
"""Characters that a run may write into its record in all, whatever it is launched with. Messages are kept whole with
each call, so a provider of someone's own, or a conversation that grows, would fill the disk. It is looked at before
each request: those in flight then are still written."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The most that a run may use; None is no limit. For ``max_usd`` what calls in flight reserve counts as spent.

    ``only_priced``: a request of a model whose price nobody knows is not made, because no budget could hold it back.
    With ``max_usd`` that is so anyway.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_seconds: float | None = None
    max_usd: Decimal | None = None
    only_priced: bool = False


class Limits:
    """The counters of one run, in one event loop.

    ``calls``, ``tokens``, ``elapsed_s`` and ``text`` (characters): what it used before another worker took it over.
    """

    def __init__(
        self,
        limits: RunLimits | None = None,
        *,
        calls: int = 0,
        tokens: int = 0,
        elapsed_s: float = 0.0,
        text: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or RunLimits()
        self.calls = calls
        self.tokens = tokens
        self.text = text
        self.spent_usd = Decimal(0)
        self.reserved_usd = Decimal(0)
        self._clock = clock
        self._began_at = clock() - elapsed_s
        self._asked_at: dict[str, deque[float]] = {}

    def reserve(self, worst_usd: Decimal, *, unpriced_model: str = "") -> None:
        """Counts a request that is about to be made. Raises ``LimitReached`` instead if a limit forbids it.

        ``unpriced_model``: the model that is asked if nobody knows its price.
        """
        limits = self.limits
        elapsed_s = self._clock() - self._began_at
        if unpriced_model and (limits.only_priced or limits.max_usd is not None):
            message = f"No price is known for {unpriced_model}, so that the budget cannot hold its calls back."
            raise _reached("unpriced", 0, message)
        if limits.max_calls is not None and self.calls >= limits.max_calls:
            raise _reached("max_calls", self.calls, f"The run has made its {counted(limits.max_calls, 'call')}.")
        if limits.max_tokens is not None and self.tokens >= limits.max_tokens:
            raise _reached("max_tokens", self.tokens, f"The run has used its {counted(limits.max_tokens, 'token')}.")
        if limits.max_seconds is not None and elapsed_s >= limits.max_seconds:
            raise _reached("max_seconds", elapsed_s, f"The run has taken its {limits.max_seconds:g} s.")
        if self.text >= MAX_TEXT:
            message = f"The run has written {self.text:,} characters of messages, answers and results."
            raise _reached("max_text", self.text, message)
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

    def wrote(self, *texts: Any) -> None:
        """Counts what was recorded: texts, also in lists and dicts."""
        self.text += sum(_characters(text) for text in texts)

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


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list | tuple) else 0


def _reached(limit: str, figure: int | float, message: str) -> LimitReached:
    return LimitReached(message, limit=limit, figure=figure)
