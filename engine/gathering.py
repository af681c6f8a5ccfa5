"""Several coroutines at once, of which none is left behind when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. The first failure stops the others, and is raised by itself once they have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            jobs = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [job.result() for job in jobs]
