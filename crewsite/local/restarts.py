"""When a process that ended by itself is started again, and when it is given up."""

from __future__ import annotations

import time
from collections import Counter

FIRST_PAUSE_S = 1.0
"""Each further pause is twice as long, until the process has lived for a minute."""
LONG_LIFE_S = 60.0
MOST_IN_A_ROW = 5


class Restarts:
    """Of the processes of one application, by their names."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._in_a_row: Counter[str] = Counter()

    def began(self, name: str) -> None:
        self._began[name] = time.monotonic()
        self._due.pop(name, None)

    def ended(self, name: str) -> float | None:
        """When to start it again, by the monotonic clock; None if it has ended soon too often in a row."""
        if name not in self._due:
            now = time.monotonic()
            if now - self._began[name] > LONG_LIFE_S:
                del self._in_a_row[name]
            self._in_a_row[name] += 1
            self._due[name] = now + FIRST_PAUSE_S * 2 ** (self._in_a_row[name] - 1)
        return self._due[name] if self._in_a_row[name] <= MOST_IN_A_ROW else None
