"""Which requests are sent again, and when.

Only what changes nothing (GET) or is done once under its ``Idempotency-Key`` is sent again after a fault in which the
server may have done it. A request that was not accepted (429), or never sent, is always sent again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

RECOVERABLE = (408, 502, 503, 504)
BUSY = 429
CONFLICT = 409
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Retries:
    """``times`` more tries at most. The wait doubles from ``first_wait_s`` up to ``most_wait_s``, a random part of it
    less; a server's ``Retry-After`` counts instead, and one beyond ``longest_retry_after_s`` is an error at once."""

    times: int = 4
    first_wait_s: float = 0.5
    most_wait_s: float = 20.0
    longest_retry_after_s: float = 120.0

    def wait_s(self, tried: int) -> float:
        """Before the try after ``tried`` ones."""
        whole = min(self.most_wait_s, self.first_wait_s * 2.0 ** (tried - 1))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, and keeps no secret

    def after_fault(self, fault: httpx.RequestError, tried: int, *, repeatable: bool) -> float | None:
        """Seconds to wait before the next try; None: there is none."""
        if tried > self.times or not (repeatable or isinstance(fault, NEVER_SENT)):
            return None
        return self.wait_s(tried)

    def after_answer(self, response: httpx.Response, tried: int, *, repeatable: bool, keyed: bool) -> float | None:
        """Seconds to wait before the next try; None: the answer stands.

        A repeated request under a key meets a conflict while the server is still at work on the first one.
        """
        status = response.status_code
        again = status == BUSY or (repeatable and status in RECOVERABLE) or (keyed and tried > 1 and status == CONFLICT)
        if tried > self.times or not again:
            return None
        asked = retry_after_s(response)
        if asked is None:
            return self.wait_s(tried)
        return asked if asked <= self.longest_retry_after_s else None


def retry_after_s(response: httpx.Response) -> float | None:
    """The answer's ``Retry-After`` in seconds, whether it is a number or a date; None without one."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
        seconds = (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds)
