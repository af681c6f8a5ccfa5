"""Sends an export while it is read. One thread reads for all exports of a process, so they take turns by the batch.

A file that cannot be finished ends with a broken connection, so that nobody takes a part of it for the whole.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from django.core.exceptions import RequestAborted
from django.db import connection

from runs.export.formats import Format
from runs.live.watchman import Watched, watchman
from teams.rights import Right
from teams.work_bounds import SharedPlaces

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_SECONDS = 900.0
PLACES = SharedPlaces(
    4,
    "Other files of runs are being written. Try again in a moment.",
    each=2,
    busy_each="Your team has two files of runs written at the moment. Try again once one of them is complete.",
)

_thread = ThreadPoolExecutor(1, thread_name_prefix="export")
"""One, so that a process keeps one connection for it, and its pages are not slowed by many at once."""


def send(
    read: Iterator[list[Any]], form: Format, right: Right, free: Callable[[], object]
) -> AsyncGenerator[str | bytes, None]:
    """The file's text, of rows that ``read`` gives some at a time. ``free`` is called when it is complete, was broken
    off, or is dropped without being begun.

    The first batch is read now, so that what is too much is refused with a word. Later on ``RequestAborted`` is raised
    if the right is lost or the time is up, ``Invalid`` or the database's error if a batch cannot be read.
    """
    first = form.lines(next(read))
    text = _send(form, first, read, right, free)
    weakref.finalize(text, free)
    return text


async def _send(
    form: Format, first: str, read: Iterator[list[Any]], right: Right, free: Callable[[], object]
) -> AsyncGenerator[str | bytes, None]:
    until = time.monotonic() + MAX_SECONDS
    lines: str | None = first
    try:
        yield form.begins
        async with watchman().watch(right, asyncio.Event()) as watched:
            while lines is not None:
                if lines:
                    yield lines
                _may_go_on(watched, until)
                lines = await _on_thread(lambda: _lines(form, read))
            ends = form.ends()
            while piece := await _on_thread(lambda: next(ends, b"")):
                yield piece
                _may_go_on(watched, until)
    finally:
        free()


def _may_go_on(watched: Watched, until: float) -> None:
    """Raises ``RequestAborted`` once the right is lost or the time is up."""
    if not watched.holds or time.monotonic() > until:
        log.info("A file of runs was broken off: %s", "no time" if watched.holds else "no right any more")
        raise RequestAborted


def _lines(form: Format, read: Iterator[list[Any]]) -> str | None:
    """The next batch's lines; None at the end. The connection is given back: whoever reads slowly keeps none."""
    try:
        rows = next(read, None)
    finally:
        connection.close()
    return None if rows is None else form.lines(rows)


async def _on_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_thread, copy_context().run, work)
