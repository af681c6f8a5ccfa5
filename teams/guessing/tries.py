"""Counts tries to guess a secret, in PostgreSQL, so that all processes count together.

A limit allows so many tries in a window of time, which begins with the first of them. A window is a row; its key is a
keyed hash, so that the table tells nobody who tried from where.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from teams.guessing.address import client_address
from teams.models import TryCount
from teams.refusals import TooMany
from teams.texts.times import span

COUNT = """
INSERT INTO teams_trycount AS kept (key, count, ends_at)
VALUES (%(key)s, 1, statement_timestamp() + make_interval(secs => %(window_s)s))
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN kept.ends_at <= statement_timestamp() THEN 1 ELSE kept.count + 1 END,
    ends_at = CASE WHEN kept.ends_at <= statement_timestamp() THEN excluded.ends_at ELSE kept.ends_at END
WHERE kept.ends_at <= statement_timestamp() OR kept.count < %(most)s
"""
"""Counts one try, unless the window is full: then no row is written."""


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    most: int  # tries in a window
    window: timedelta


@dataclass(frozen=True, slots=True)
class Tally:
    """One limit for one person, address or browser."""

    limit: Limit
    whose: str

    @property
    def key(self) -> str:
        return salted_hmac("tries", f"{self.limit.name}\n{self.whose}", algorithm="sha256").hexdigest()


WRONG_LINKS = Limit("sign-in links", 20, timedelta(minutes=5))
ACCOUNTS_TRIED = Limit("accounts tried to be made by an invitation", 20, timedelta(minutes=15))
WRONG_TOKENS = Limit("API tokens", 60, timedelta(minutes=1))


class TooManyTries(TooMany):
    """Says the same whether there is such an account or not."""

    code = "too_many_tries"

    def __init__(self, retry_after_s: int) -> None:
        wait = span(retry_after_s if retry_after_s < 60 else math.ceil(retry_after_s / 60) * 60)
        super().__init__(f"Too many tries that did not fit. Wait {wait}, then try again.", retry_after_s=retry_after_s)


@transaction.atomic
def count(*tallies: Tally) -> None:
    """Counts one try on each of the tallies, or on none and raises ``TooManyTries`` if one of them is full.

    All callers name tallies in one order, which is that in which their rows are locked.
    """
    for tally in tallies:
        values: dict[str, str | int | float] = {
            "key": tally.key,
            "window_s": tally.limit.window.total_seconds(),
            "most": tally.limit.most,
        }
        with connection.cursor() as cursor:
            cursor.execute(COUNT, values)
            if cursor.rowcount == 0:
                raise TooManyTries(_seconds_left(tally))


@transaction.atomic
def take_back(*tallies: Tally) -> None:
    """Takes back one try: it fitted after all, or was never checked."""
    for tally in tallies:
        TryCount.objects.filter(key=tally.key, count__gt=0, ends_at__gt=Now()).update(count=F("count") - 1)


def count_wrong_secret(request: HttpRequest, limit: Limit) -> None:
    """Counts a secret that did not fit, for its address. Raises ``TooManyTries`` if there were too many.

    For secrets of 256 random bits, which no number of tries finds. So one that fits works whatever was counted, and
    nobody is locked out by a neighbour at the same address.
    """
    count(Tally(limit, client_address(request)))


def forget_ended() -> int:
    """Deletes windows that ended; returns how many."""
    deleted, _ = TryCount.objects.filter(ends_at__lte=Now()).delete()
    return deleted


def _seconds_left(tally: Tally) -> int:
    left = TryCount.objects.filter(key=tally.key).values_list(F("ends_at") - Now(), flat=True).first()
    return max(1, math.ceil(left.total_seconds())) if left is not None else 1
