"""Tool results within one run: two tasks that ask the same thing at once cost one call (single flight)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reused:
    """A result that somebody else's call gave, and how old it is."""

    text: str
    age_s: float


class ToolCache:
    """The results of one run, by tool and canonical arguments. Failures are not kept."""

    def __init__(self) -> None:
        self._results: dict[str, asyncio.Future[tuple[str, float]]] = {}

    @staticmethod
    def key(tool: str, config: dict[str, Any], arguments: dict[str, Any]) -> str:
        """Equal for the same tool, settings and arguments, in whatever order they are written."""
        return json.dumps([tool, config, arguments], sort_keys=True, separators=(",", ":"), default=str)

    def knows(self, key: str) -> bool:
        """Whether a result is there or on its way."""
        return key in self._results

    async def reuse(self, key: str) -> Reused | None:
        """The known result, waited for if it is on its way; None if there is none to share, so that one makes it anew.

        Raises what the call that makes it raises.
        """
        future = self._results[key]
        await asyncio.wait({future})
        if future.cancelled():
            return None
        text, made_at = future.result()
        return Reused(text, time.monotonic() - made_at)

    async def make(self, key: str, call: Callable[[], Awaitable[tuple[str, bool]]]) -> str:
        """Makes the result by ``call`` while others who ask for the key wait for it.

        ``call`` also says whether the result is worth keeping; if not, each of the others makes one of its own.
        """
        future: asyncio.Future[tuple[str, float]] = asyncio.get_running_loop().create_future()
        self._results[key] = future
        try:
            text, worth_keeping = await call()
        except BaseException as error:
            del self._results[key]
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
                future.exception()  # nobody may be waiting; that is no fault worth a log line
            raise
        if worth_keeping:
            future.set_result((text, time.monotonic()))
        else:
            del self._results[key]
            future.cancel()
        return text
