"""One session with an MCP server, owned by an asyncio task of its own. Every wait is bounded.

When a session breaks, the ``mcp`` package cancels the task that opened it. That must not be the agent's task, whose
other work has nothing to do with the session. So the owner task ends, and whoever waits for an answer is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from engine.errors import EngineError
from engine.tools.tool import ToolFailed

CLOSE_TIMEOUT_S = 8.0
"""Longer than the ``mcp`` package takes to close: it gives a program some 6 s to end by itself, then kills it."""
CANCEL_TIMEOUT_S = 1.0
"""A request that does not end so soon after its cancellation is left behind."""
MAX_REASON_CHARS = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. ``open_s``: to open a session, and again to list the tools. ``call_s``: to answer one call."""

    open_s: float = 20.0
    call_s: float = 60.0


@dataclass(frozen=True, slots=True)
class McpSession:
    """An open session. ``session`` is the ``mcp`` package's ``ClientSession``."""

    session: Any
    owner: asyncio.Task[None]

    async def ask(self, request: Coroutine[Any, Any, T], *, timeout_s: float) -> T:
        """The answer to a request on this session. Raises ``ToolFailed`` with the reason if there is none."""
        call = asyncio.ensure_future(request)
        try:
            await asyncio.wait({call, self.owner}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if call.done():
                return _answer(call)
            if self.owner.done():
                raise ToolFailed(f"The connection to the MCP server broke: {_reason(self.owner)}")
            raise ToolFailed(f"The MCP server did not answer within {timeout_s:g} s.")
        finally:
            await _stop(call)


@asynccontextmanager
async def open_session(transport: AbstractAsyncContextManager[Any], timeouts: Timeouts) -> AsyncIterator[McpSession]:
    """A session over the transport, closed after the block. Raises ``ToolFailed`` if it does not open in time."""
    ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    closing = asyncio.Event()
    owner = asyncio.create_task(_keep_open(transport, timeouts, ready, closing))
    try:
        await asyncio.wait({owner, ready}, timeout=timeouts.open_s, return_when=asyncio.FIRST_COMPLETED)
        if owner.done():
            raise ToolFailed(f"The MCP server cannot be used: {_reason(owner)}")
        if not ready.done():
            raise ToolFailed(f"The MCP server did not open a session within {timeouts.open_s:g} s.")
        yield McpSession(ready.result(), owner)
    finally:
        closing.set()
        try:
            if ready.done():
                await asyncio.wait({owner}, timeout=CLOSE_TIMEOUT_S)
        finally:
            await _stop(owner, within_s=CLOSE_TIMEOUT_S)


async def _keep_open(
    transport: AbstractAsyncContextManager[Any],
    timeouts: Timeouts,
    ready: asyncio.Future[Any],
    closing: asyncio.Event,
) -> None:
    # Late, since most runs have no MCP server, and not on the event loop, which it would hold up for half a second.
    await asyncio.to_thread(_load)
    from mcp import Client

    # The transport is a context manager of streams, which is all that the package asks of one.
    async with Client(transport, read_timeout_seconds=timeouts.call_s, cache=None) as client:  # type: ignore[arg-type]
        if not ready.done():
            ready.set_result(client.session)
        await closing.wait()


def _load() -> None:
    for name in ("mcp.client.streamable_http", "mcp.client.stdio", "engine.tools.mcp.guarded_client"):
        import_module(name)


async def _stop(job: asyncio.Future[Any], *, within_s: float = CANCEL_TIMEOUT_S) -> None:
    job.cancel()
    await asyncio.wait({job}, timeout=within_s)
    if job.done() and not job.cancelled():
        job.exception()  # only marks it as seen: whoever waited has been told


def _answer(call: asyncio.Future[T]) -> T:
    try:
        return call.result()
    except EngineError:
        raise
    except Exception as error:  # the package raises errors of its own, of httpx2, of anyio and of pydantic
        raise ToolFailed(f"The MCP server gave no usable answer: {_why(error)}") from error


def _reason(owner: asyncio.Task[None]) -> str:
    error = None if owner.cancelled() else owner.exception()
    return _why(error) if error else "it was closed."


def _why(error: BaseException) -> str:
    """The error in short; of a group of errors, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(str(error).replace("\x00", "").split())
    return text[:MAX_REASON_CHARS] if text else type(error).__name__
