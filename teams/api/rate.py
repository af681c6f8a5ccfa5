"""How many requests a minute a token may make, counted by all web processes together and at little cost.

A window of a minute is a row of ``TryCount``. A process takes requests from it in portions and counts those itself, so
that one request in a portion writes a row and the others cost a look into a dictionary. What a process took and did not
use is lost at the window's end: no more than the limit is ever let through, and a little less may be.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponseBase

from teams.guessing.tries import Limit, Tally
from teams.models import ApiToken
from teams.refusals import TooMany

WINDOW_S = 60
POLICY = "token"
"""The limit's name in the headers."""
PORTIONS = 50
"""In so many portions a window is taken, so a process writes at most so often in it."""
MOST_KNOWN = 10_000
"""Tokens whose portion a process remembers; those that were used longest ago are forgotten, and take another one."""

# Takes a portion and says how much is taken by now. It may be more than there is: what is above was not there.
TAKE = """
INSERT INTO teams_trycount AS kept (key, count, ends_at)
VALUES (%(key)s, %(portion)s, statement_timestamp() + make_interval(secs => %(window_s)s))
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN kept.ends_at <= statement_timestamp() THEN %(portion)s ELSE kept.count + %(portion)s END,
    ends_at = CASE WHEN kept.ends_at <= statement_timestamp() THEN excluded.ends_at ELSE kept.ends_at END
RETURNING count, extract(epoch FROM ends_at - statement_timestamp())
"""


class TooManyRequests(TooMany):
    """The token's requests of this minute are used up."""

    code = "rate_limited"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a token has left: requests, and seconds until it has all of them again."""

    limit: int
    remaining: int
    reset_s: int


@dataclass(slots=True)
class _Held:
    """What this process has of a token's window."""

    here: int  # taken and not used yet
    elsewhere: int  # what nobody had taken when this process took last
    ends: float  # by this process's clock


class Portions:
    """One process's part of all windows. ``now`` is a clock that never goes back, in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._held: OrderedDict[int, _Held] = OrderedDict()  # by the token's key

    def use_one(self, token_id: int, limit: int) -> Standing:
        """Counts one request. Raises ``TooManyRequests`` if none is left."""
        while True:
            with self._lock:
                if standing := self._of_portion(token_id, limit):
                    return standing
            self._take(token_id, limit)

    def _of_portion(self, token_id: int, limit: int) -> Standing | None:
        """None if a portion has to be taken first."""
        held = self._held.get(token_id)
        left_s = held.ends - self._now() if held else 0.0
        if held is None or left_s <= 0:
            return None
        reset_s = max(1, math.ceil(left_s))
        if held.here > 0:
            held.here -= 1
            return Standing(limit, min(limit, held.here + held.elsewhere), reset_s)
        if held.elsewhere > 0:
            return None
        raise TooManyRequests(
            f"This token has made its {limit:,} requests of this minute. Wait {reset_s} s, then go on.",
            retry_after_s=reset_s,
        )

    def _take(self, token_id: int, limit: int) -> None:
        portion = max(1, limit // PORTIONS)
        tally = Tally(Limit("API requests", limit, timedelta(seconds=WINDOW_S)), str(token_id))
        with connection.cursor() as cursor:
            cursor.execute(TAKE, {"key": tally.key, "portion": portion, "window_s": WINDOW_S})
            taken, left_s = cursor.fetchone()
        with self._lock:
            now = self._now()
            held = self._held.pop(token_id, None)
            kept = held.here if held is not None and held.ends > now else 0
            here = max(0, min(portion, limit - (taken - portion)))
            self._held[token_id] = _Held(kept + here, max(0, limit - taken), now + float(left_s))
            while len(self._held) > MOST_KNOWN:
                self._held.popitem(last=False)


_portions = Portions()


def count_request(request: HttpRequest, token: ApiToken) -> None:
    """Counts a request of this token; ``with_rate`` tells what is left. Raises ``TooManyRequests``."""
    limit: int = settings.API_REQUESTS_PER_MINUTE
    if not limit:
        return
    try:
        standing = _portions.use_one(token.pk, limit)
    except TooManyRequests as refusal:
        request.rate_standing = Standing(limit, 0, refusal.retry_after_s)  # type: ignore[attr-defined]
        raise
    request.rate_standing = standing  # type: ignore[attr-defined]


def with_rate(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer, with the headers that say what its token has left; unchanged where no token was accepted."""
    standing: Standing | None = getattr(request, "rate_standing", None)
    if standing is not None:
        response["RateLimit-Policy"] = f'"{POLICY}";q={standing.limit};w={WINDOW_S}'
        response["RateLimit"] = f'"{POLICY}";r={standing.remaining};t={standing.reset_s}'
    return response
