"""Several coroutines at once, of which none is left behind when one fails; and work that no cancelling cuts off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

from engine.errors import WaitingForPerson

T = TypeVar("T")


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. The first failure stops the others, and is raised by itself once they have ended.

    A pause for a person stops nobody: it is raised once the others have ended, with the questions that they had.
    """
    pauses: list[WaitingForPerson] = []
    try:
        async with asyncio.TaskGroup() as group:
            jobs = [group.create_task(_pausing(one, pauses)) for one in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    if pauses:
        raise WaitingForPerson("\n\n".join(map(str, pauses)))
    return [result for job in jobs for result in job.result()]


async def _pausing(work: Coroutine[Any, Any, T], pauses: list[WaitingForPerson]) -> tuple[T, ...]:
    try:
        return (await work,)
    except WaitingForPerson as pause:
        pauses.append(pause)
        return ()


async def to_the_end(work: Awaitable[Any]) -> None:
    """Awaits although this task is being cancelled: what was billed is booked before the cancellation goes on."""
    job = asyncio.ensure_future(work)
    interrupted = False
    while not job.done():
        try:
            await asyncio.shield(job)
        except asyncio.CancelledError:
            if job.cancelled():
                raise
            interrupted = True
    job.result()
    if interrupted:
        raise asyncio.CancelledError
