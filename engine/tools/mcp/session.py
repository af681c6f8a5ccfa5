"""One open session with an MCP server, owned by an asyncio task of its own, with every wait bounded.

The ``mcp`` package cancels the task that opened a session when the session breaks. That task must not be the agent's,
whose other work has nothing to do with it; so what breaks here ends the owner, and callers are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.errors import EngineError
from engine.tools.tool import ToolFailed

CLOSE_TIMEOUT_S = 8.0
"""A program gets some 6 s to end by itself before it is killed."""
GIVE_UP_S = 1.0
MAX_REASON_CHARS = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds until a server is open and has listed its tools, and until one call is answered."""

    open_s: float = 20.0
    call_s: float = 60.0


@dataclass(frozen=True, slots=True)
class McpSession:
    """``session`` is the package's ``ClientSession``."""

    session: Any
    owner: asyncio.Task[None]

    async def ask(self, question: Coroutine[Any, Any, T], *, timeout_s: float) -> T:
        """The answer to a request on this session. Raises ``ToolFailed`` with the reason for everything else."""
        call = asyncio.ensure_future(question)
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
    """A session over the transport, closed at the end. Raises ``ToolFailed`` if it cannot be opened in time."""
    ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    closing = asyncio.Event()
    owner = asyncio.create_task(_own(transport, timeouts, ready, closing))
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


async def _own(
    transport: AbstractAsyncContextManager[Any],
    timeouts: Timeouts,
    ready: asyncio.Future[Any],
    closing: asyncio.Event,
) -> None:
    from mcp import Client  # late: it takes half a second, and most runs have no such tool

    # The transport is a context manager of streams, which is all that the package asks of one.
    async with Client(transport, read_timeout_seconds=timeouts.call_s, cache=None) as client:  # type: ignore[arg-type]
        if not ready.done():
            ready.set_result(client.session)
        await closing.wait()


async def _stop(job: asyncio.Future[Any], *, within_s: float = GIVE_UP_S) -> None:
    job.cancel()
    await asyncio.wait({job}, timeout=within_s)
    if job.done() and not job.cancelled():
        job.exception()  # it was told where it was waited for


def _answer(call: asyncio.Future[T]) -> T:
    try:
        return call.result()
    except EngineError:
        raise
    except Exception as error:
        raise ToolFailed(f"The MCP server gave no usable answer: {_why(error)}") from error


def _reason(owner: asyncio.Task[None]) -> str:
    error = None if owner.cancelled() else owner.exception()
    return _why(error) if error else "it was closed."


def _why(error: BaseException) -> str:
    """The first cause in groups of causes, in short."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(str(error).replace("\x00", "").split())
    return text[:MAX_REASON_CHARS] if text else type(error).__name__
