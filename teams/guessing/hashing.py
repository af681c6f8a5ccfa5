"""How passwords are hashed: slowly, which is meant, and so only a few at once, which leaves the machine to the pages.

The bound is in the hasher itself, so that whatever hashes a password is bounded: signing in, a new password, and
packages that do either.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from threading import BoundedSemaphore

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection

from engine.context_variables import holding
from teams.refusals import Busy

AT_ONCE = 1
"""A process hashes on one thread: PBKDF2 keeps a core busy, without the interpreter's lock."""
PLACES = 8
"""How many may be hashed or wait for it in one process: who comes last waits for some four seconds. Fewer sign in at
once on the web, where ``crewsite.serving`` bounds that before."""

_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hash")
_places = BoundedSemaphore(PLACES)
_has_place: ContextVar[bool] = ContextVar("has a place for hashing", default=False)


@contextmanager
def place() -> Iterator[None]:
    """One of the places, for what belongs to a hash as well as for the hash. Raises ``Busy`` at once if all are taken:
    so whoever is turned away has cost nothing yet, no connection to the database either.
    """
    if _has_place.get():
        yield
        return
    if not _places.acquire(blocking=False):
        raise Busy("Many people are signing in just now. Try again in a few seconds.", retry_after_s=PLACES // 2)
    try:
        with holding(_has_place, True):
            yield
    finally:
        _places.release()


class BoundedHasher(PBKDF2PasswordHasher):
    """PBKDF2 as Django does it, and interchangeable with it. Raises ``Busy`` where too many wait already."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with place():
            _give_back_connection()
            return _threads.submit(super().encode, password, salt, iterations).result()


def _give_back_connection() -> None:
    """Who waits for a hash holds no database connection meanwhile: there are fewer of those than of people."""
    if not connection.in_atomic_block:
        connection.close()
