"""Runs several coroutines at once and leaves none behind; finishes work that a cancellation must not cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

from engine.errors import Cancelled, LimitReached, WaitingForPerson

T = TypeVar("T")

_HALTS = (LimitReached, Cancelled)
"""What is in flight when one of these is raised is paid for already, and whoever asks for more meets the same."""


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. If any fails, raises the first failure once all have ended.

    A failure cancels the others, with two exceptions: ``LimitReached`` and ``Cancelled`` (see ``_HALTS``), and
    ``WaitingForPerson``. Other failures are raised before these; pauses for a person come last, as one, with the
    questions of all.
    """
    jobs = [asyncio.ensure_future(coroutine) for coroutine in work]
    left = set(jobs)
    try:
        while left and not any(_cancels_others(job) for job in jobs):
            _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_all(left)
    failures = [failure for job in jobs if job not in left and (failure := _failure(job)) is not None]
    pauses = [failure for failure in failures if isinstance(failure, WaitingForPerson)]
    # First what cancelled the others, then a limit or a cancellation, then the pauses.
    for failure in sorted(failures, key=lambda failure: isinstance(failure, _HALTS)):
        if failure not in pauses:
            raise failure
    if pauses:
        raise WaitingForPerson("\n\n".join(map(str, pauses)))
    return [job.result() for job in jobs]


async def cancel_all(jobs: Iterable[asyncio.Future[Any]]) -> None:
    """Cancels the jobs and waits until all have ended, even if this task is cancelled meanwhile.

    So their calls are settled. What they raise is dropped: whoever cancels them raises the reason.
    """
    jobs = set(jobs)
    left = {job for job in jobs if not job.done()}
    for job in left:
        job.cancel()
    interrupted = False
    while left:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError:
            interrupted = True
        left = {job for job in left if not job.done()}
    for job in jobs:
        if not job.cancelled():
            job.exception()  # marks it as seen
    if interrupted:
        raise asyncio.CancelledError


async def uninterrupted(work: Awaitable[Any]) -> None:
    """Awaits the work to its end, even if this task is cancelled meanwhile: the cancellation goes on afterwards."""
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


def _cancels_others(job: asyncio.Future[Any]) -> bool:
    failure = _failure(job) if job.done() else None
    return failure is not None and not isinstance(failure, (*_HALTS, WaitingForPerson))
