"""Sends what webhooks are due: signed, to public addresses only, in bounded time, tried again with growing pauses.

Any number of senders may run. A delivery is taken by moving its next try ahead; a sender that dies leaves it to the
others, so a receiver may get one twice and tells by its id. Once a sender has given up, a person can send it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import connection

from engine.web.guarded_http import GuardedHttp, RequestFailed
from teams.secrets import unseal

log = logging.getLogger(__name__)

TRY_TIMEOUT_S = 10.0
PAUSES_S = (10, 60, 300, 1_800, 7_200, 21_600, 54_000)
"""After each try but the last: eight tries within a day."""
MAX_TRIES = len(PAUSES_S) + 1
AT_ONCE, OF_ONE_WEBHOOK = 32, 2
TAKEN_S = 60
MAX_KEPT_CHARS = 1_000
KEPT_DAYS = 30

TAKE = """
    WITH due AS (
        SELECT one.id FROM teams_webhook AS hook CROSS JOIN LATERAL (
            SELECT id FROM teams_delivery
            WHERE webhook_id = hook.id AND state = 'due' AND next_try_at <= clock_timestamp()
            ORDER BY next_try_at LIMIT %(of_one)s FOR UPDATE SKIP LOCKED) AS one
        WHERE hook.active ORDER BY random() LIMIT %(most)s)
    UPDATE teams_delivery AS delivery
    SET attempts = attempts + 1, tried_at = clock_timestamp(),
        next_try_at = clock_timestamp() + make_interval(secs => %(taken_s)s)
    FROM due, teams_webhook AS hook
    WHERE delivery.id = due.id AND hook.id = delivery.webhook_id
    RETURNING delivery.id, delivery.event, delivery.payload::text, delivery.attempts, hook.url, hook.secret
"""
"""In no order: else webhooks that are always behind would keep the others waiting."""

RECORD = """
    UPDATE teams_delivery
    SET state = %(state)s, status = %(status)s, error = %(error)s, response = %(response)s,
        next_try_at = CASE WHEN %(state)s = 'due' THEN clock_timestamp() + make_interval(secs => %(pause_s)s) END
    WHERE id = %(id)s AND state = 'due' AND attempts = %(attempts)s
"""

FORGET = """
    DELETE FROM teams_delivery WHERE id IN (
        SELECT id FROM teams_delivery
        WHERE state <> 'due' AND created_at < now() - make_interval(days => %s) LIMIT 1000)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that was taken, at its ``attempts``-th try. ``body`` is what is sent, to the letter."""

    id: UUID
    event: str
    body: bytes
    attempts: int
    url: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try went: the receiver's status and the beginning of its answer, or why there is none."""

    status: int | None = None
    response: str = ""
    error: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def take_due(*, most: int = AT_ONCE) -> list[Due]:
    """Deliveries whose time has come; no other sender takes them for the next minute."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"of_one": OF_ONE_WEBHOOK, "most": most, "taken_s": TAKEN_S})
        return [Due(row[0], row[1], _body(row[2]), *row[3:]) for row in cursor.fetchall()]


def signature(secret: str, body: bytes, *, at: int) -> str:
    """The header ``X-Crewsite-Signature``: when it was sent, in seconds of the epoch, and an HMAC over that and the
    body, so that an old one is not good for ever."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


async def send_all(due: Sequence[Due]) -> list[Tried]:
    """Tries them at once; none takes longer than ``TRY_TIMEOUT_S``, whatever its receiver does."""
    http = GuardedHttp(settings.ALLOWED_PRIVATE_HOSTS, timeout_s=TRY_TIMEOUT_S)
    return await asyncio.gather(*(_try(http, one) for one in due))


def record(due: Due, tried: Tried) -> None:
    """Keeps how the try went, and when the next one is due. What was taken by another sender since is left alone."""
    again = not tried.is_accepted and due.attempts < MAX_TRIES
    values: dict[str, Any] = {
        "id": due.id,
        "attempts": due.attempts,
        "state": "sent" if tried.is_accepted else "due" if again else "failed",
        "status": tried.status,
        "error": tried.error[:MAX_KEPT_CHARS],
        "response": tried.response[:MAX_KEPT_CHARS],
        "pause_s": PAUSES_S[due.attempts - 1] if again else 0,
    }
    with connection.cursor() as cursor:
        cursor.execute(RECORD, values)


def forget_old() -> None:
    """Drops what was sent or given up a month ago."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [KEPT_DAYS])


async def _try(http: GuardedHttp, due: Due) -> Tried:
    try:
        headers = _headers(due, unseal(due.secret))
    except InvalidToken:
        return Tried(
            error="Its secret cannot be opened with the installation's keys. Remove the webhook and add it anew."
        )
    try:
        answer = await http.post_once(due.url, due.body, headers=headers, most_bytes=4 * MAX_KEPT_CHARS)
    except RequestFailed as failed:
        return Tried(error=str(failed))
    except Exception as failed:  # an outer edge: a bug in one delivery must not undo what others of the round were told
        log.exception("A webhook could not be tried by a bug")
        return Tried(error=f"Crewsite itself failed ({type(failed).__name__}); its log names the fault.")
    error = "" if answer.status < 300 else "A redirect, which is not followed." if answer.status < 400 else "Refused."
    return Tried(answer.status, answer.text, error)


def _headers(due: Due, secret: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Crewsite/1 (webhook)",
        "X-Crewsite-Event": due.event,
        "X-Crewsite-Delivery": str(due.id),
        "X-Crewsite-Signature": signature(secret, due.body, at=int(time.time())),
    }


def _body(payload: str) -> bytes:
    return json.dumps(json.loads(payload), ensure_ascii=False, separators=(",", ":")).encode()
