"""Bounds on what one request or one run's search takes from others: the time of its queries, and places for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from teams.refusals import Busy, Invalid

RETRY_AFTER_S = 10
TOOK_TOO_LONG = "took_too_long"
"""The code of ``query_time``'s refusals."""
PATIENCE_S = 0.2
"""For a place: whoever waits longer keeps a thread from others just the same."""


@contextmanager
def query_time(seconds: float, too_long: str, *, field: str) -> Iterator[Callable[[], None]]:
    """The queries within are given so much time together; then ``Invalid`` is raised with ``too_long`` at ``field``.

    They are one transaction. No query begins after that time. Gives a function to be called between two queries: what
    is left is the next one's; one before which it is not called may take as long as was left the last time.
    """
    until = time.monotonic() + seconds

    def in_time(execute: Callable[..., Any], *given: Any) -> Any:
        if time.monotonic() >= until:
            raise _refusal(too_long, field)
        return execute(*given)

    def go_on() -> None:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise _refusal(too_long, field)
        _set_timeout(f"{max(1, round(1000 * left_s))}ms")

    try:
        before = _timeout() if connection.in_atomic_block else ""
        with transaction.atomic():
            with connection.execute_wrapper(in_time):
                go_on()
                yield go_on
            if before:
                _set_timeout(before)  # the larger transaction goes on
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise _refusal(too_long, field) from error
        raise


class Places:
    """At most ``count`` at once in this process, so that the other threads are left for other requests."""

    def __init__(self, count: int, busy: str, *, patience_s: float = PATIENCE_S) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._busy = busy
        self._patience_s = patience_s

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises ``Busy`` if none is free soon."""
        if not self._free.acquire(timeout=self._patience_s):
            raise Busy(self._busy, retry_after_s=RETRY_AFTER_S)
        try:
            yield
        finally:
            self._free.release()


class SharedPlaces:
    """At most ``count`` at once in this process, and at most ``each`` of them one team's, for what outlasts a call."""

    def __init__(self, count: int, busy: str, *, each: int, busy_each: str) -> None:
        self._count, self._busy = count, busy
        self._each, self._busy_each = each, busy_each
        self._taken: dict[object, int] = {}  # teams, by what was given to whoever took the place
        self._lock = threading.Lock()

    def take(self, team_id: int) -> Callable[[], object]:
        """Takes a place and gives what frees it, however often that is called. Raises ``Busy`` if none is free."""
        with self._lock:
            taken = list(self._taken.values())
            if taken.count(team_id) >= self._each:
                raise Busy(self._busy_each, retry_after_s=RETRY_AFTER_S)
            if len(taken) >= self._count:
                raise Busy(self._busy, retry_after_s=RETRY_AFTER_S)
            place = object()
            self._taken[place] = team_id
        return partial(self._taken.pop, place, None)  # without the lock: the garbage collector may call it anywhere


def _timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        return str(cursor.fetchone()[0])


def _set_timeout(setting: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [setting])


def _refusal(too_long: str, field: str) -> Invalid:
    return Invalid(too_long, fields={field: too_long}, code=TOOK_TOO_LONG)
