"""Who may read the metrics, and how often somebody may guess their token.

Tries are counted in this process alone: the metrics are answered without a database too.
"""

from __future__ import annotations

import hmac
import math
import time
from threading import Lock

from django.conf import settings
from django.http import HttpRequest

from teams.guessing.address import client_address
from teams.guessing.tries import TooManyTries

MOST_WRONG = 20
WINDOW_S = 300.0
MOST_ADDRESSES = 10_000


class WrongTokens:
    """Wrong tokens of each address in a window of time, which begins with the first of them."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, float]] = {}  # how many, and until when they count
        self._lock = Lock()

    def refuse_full(self, address: str) -> None:
        """Raises ``TooManyTries`` for an address that had too many."""
        with self._lock:
            count, ends_at = self._windows.get(address, (0, 0.0))
        left_s = ends_at - time.monotonic()
        if count >= MOST_WRONG and left_s > 0:
            raise TooManyTries(math.ceil(left_s))

    def count(self, address: str) -> None:
        with self._lock:
            now = time.monotonic()
            count, ends_at = self._windows.pop(address, (0, 0.0))
            self._windows[address] = (count + 1, ends_at) if ends_at > now else (1, now + WINDOW_S)
            if len(self._windows) > MOST_ADDRESSES:
                del self._windows[next(iter(self._windows))]


WRONG = WrongTokens()


def may_scrape(request: HttpRequest) -> bool:
    """Whether the metrics are open, or the right token was sent. Raises ``TooManyTries`` after many wrong ones.

    People choose this token, so it may be one that can be guessed: at the limit the right one is refused too.
    """
    token: str = settings.METRICS_TOKEN
    if not token:
        return bool(settings.LOCAL)
    address = client_address(request)
    WRONG.refuse_full(address)
    sent = request.headers.get("Authorization", "")
    fits = hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    if sent and not fits:
        WRONG.count(address)
    return fits
