"""How long somebody waits for work on foreign texts, and what was found out about such texts before."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock


class Patience:
    """Seconds of the clock, from now on, for all pieces of work together that somebody waits for."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left_s(self) -> float:
        return self._until - time.monotonic()


class Findings:
    """Findings by text. The ones that were asked for longest ago are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_text: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def of(self, text: str, find: Callable[[], str]) -> str:
        """What was found before; else what ``find`` returns. What it raises is no finding."""
        with self._lock:
            if text in self._by_text:
                self._by_text.move_to_end(text)
                return self._by_text[text]
        found = find()
        with self._lock:
            self._by_text[text] = found
            while len(self._by_text) > self._most:
                self._by_text.popitem(last=False)
        return found
