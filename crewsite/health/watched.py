"""A watchdog over the event loop of a web process.

A process whose loop stands still cannot say that it is not ready: it gives no answer, and load balancers take that for
the same. If it lasts, the watchdog ends the process. Whoever runs it starts it again, and browsers open their streams
anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from runs.telemetry.watchdog import Watchdog

Application = Callable[[Any, Any, Any], Awaitable[None]]


def watched(application: Application) -> Application:
    """The ASGI application, whose loop is watched from its first request on."""
    watchdogs: list[Watchdog] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if not watchdogs:
            watchdogs.append(Watchdog(asyncio.get_running_loop()))
            watchdogs[0].arm()
        await application(scope, receive, send)

    return answer
