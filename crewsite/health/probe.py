"""A look at something that may hang: in a thread of its own, at most one at a time, shared by all who ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")

FRESH_S = 1.0
"""A result is shared for so long, so that many who ask make no load."""


class Probe(Generic[T]):
    """``begin()`` gives the future of the latest look. How long to wait for it, the caller decides."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._latest: Future[T] | None = None
        self._began = 0.0

    def begin(self) -> Future[T]:
        with self._lock:
            latest = self._latest
            if latest is None or (latest.done() and time.monotonic() - self._began > FRESH_S):
                latest = self._latest = Future()
                self._began = time.monotonic()
                threading.Thread(target=self._carry_out, args=(latest,), name="probe", daemon=True).start()
            return latest

    def _carry_out(self, future: Future[T]) -> None:
        try:
            future.set_result(self._look())
        except Exception as error:  # noqa: BLE001 - whatever it is, the future hands it to those who asked
            future.set_exception(error)
