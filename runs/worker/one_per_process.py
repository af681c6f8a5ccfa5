"""Things that a process has one of, made at first use even if several threads come at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar("T")


def one_per_process(make: Callable[[], T]) -> Callable[[], T]:
    """Calls ``make`` once and gives its result ever after.

    ``functools.cache`` would let threads that come at once make one each.
    """
    results: list[T] = []
    making = threading.Lock()

    @wraps(make)
    def get() -> T:
        if not results:
            with making:
                if not results:
                    results.append(make())
        return results[0]

    return get
