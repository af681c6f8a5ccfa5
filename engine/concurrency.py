"""Several coroutines at once, of which none is left behind when one fails; and work that no cancelling cuts off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

from engine.errors import Cancelled, LimitReached, WaitingForPerson

T = TypeVar("T")

_HALTS = (LimitReached, Cancelled)


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order, or the first failure, once all have ended.

    A failure stops the others, except for those that stop nobody: a limit that was reached, or a further call that was
    refused because the run is to stop, because what is in flight then is paid for already and whoever asks for more
    meets the same; and a pause for a person, which is raised last, with the questions of all who pause.
    """
    jobs = [asyncio.ensure_future(one) for one in work]
    left = set(jobs)
    try:
        while left and not any(_stops_others(job) for job in jobs):
            _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_all(left)
    failures = [failure for job in jobs if job not in left and (failure := _failure(job)) is not None]
    pauses = [failure for failure in failures if isinstance(failure, WaitingForPerson)]
    # What stopped the others first, then a limit or a refused call, then the pauses.
    for failure in sorted(failures, key=lambda one: isinstance(one, _HALTS)):
        if failure not in pauses:
            raise failure
    if pauses:
        raise WaitingForPerson("\n\n".join(map(str, pauses)))
    return [job.result() for job in jobs]


async def cancel_all(jobs: Iterable[asyncio.Future[Any]]) -> None:
    """Cancels the jobs and waits until they ended, also while this task is cancelled again: nothing stays unsettled.

    What they raise is looked at and dropped: why they are stopped is raised by whoever stops them.
    """
    several = set(jobs)
    left = {job for job in several if not job.done()}
    for job in left:
        job.cancel()
    interrupted = False
    while left:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError:
            interrupted = True
        left = {job for job in left if not job.done()}
    for job in several:
        if not job.cancelled():
            job.exception()
    if interrupted:
        raise asyncio.CancelledError


async def uninterrupted(work: Awaitable[Any]) -> None:
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


def _failure(job: asyncio.Future[Any]) -> BaseException | None:
    return asyncio.CancelledError() if job.cancelled() else job.exception()


def _stops_others(job: asyncio.Future[Any]) -> bool:
    failure = _failure(job) if job.done() else None
    return failure is not None and not isinstance(failure, (*_HALTS, WaitingForPerson))
