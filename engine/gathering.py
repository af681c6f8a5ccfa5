"""Several coroutines at once, of which none is left behind when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from engine.errors import LimitReached

T = TypeVar("T")


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order, or the first failure, once all have ended.

    A failure stops the others, except for a limit that was reached: what is in flight then is paid for already, and
    whoever asks for more meets the limit too.
    """
    jobs = [asyncio.ensure_future(one) for one in work]
    first: BaseException | None = None
    left = set(jobs)
    try:
        while left:
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            first = first or next((failed for job in jobs if job in done and (failed := _failure(job))), None)
            if first is not None and not isinstance(first, LimitReached):
                break
    finally:
        await stop(left)
    if first is not None:
        raise first
    return [job.result() for job in jobs]


async def stop(jobs: Iterable[asyncio.Future[Any]]) -> None:
    """Cancels the jobs and waits until they ended, also while this task is cancelled again: nothing stays unsettled.

    What they raise is looked at and dropped: why they are stopped is raised by whoever stops them.
    """
    left = {job for job in jobs if not job.done()}
    for job in left:
        job.cancel()
    interrupted = False
    while left:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError:
            interrupted = True
        for job in [job for job in left if job.done()]:
            left.discard(job)
            if not job.cancelled():
                job.exception()
    if interrupted:
        raise asyncio.CancelledError


def _failure(job: asyncio.Future[Any]) -> BaseException | None:
    return asyncio.CancelledError() if job.cancelled() else job.exception()
