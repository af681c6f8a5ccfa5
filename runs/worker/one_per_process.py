"""What a process has one of, made at first use, whichever of its threads come first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar("T")


def one_per_process(make: Callable[[], T]) -> Callable[[], T]:
    """Gives the one that ``make`` makes at the first call. ``functools.cache`` would let threads that come together
    make one each."""
    made: list[T] = []
    making = threading.Lock()

    @wraps(make)
    def the_one() -> T:
        if not made:
            with making:
                if not made:
                    made.append(make())
        return made[0]

    return the_one
