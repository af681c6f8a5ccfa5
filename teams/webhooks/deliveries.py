"""Sends deliveries that are due: signed, to public addresses only, in bounded time, tried again after growing pauses.

Any number of senders may run. A sender takes a delivery by moving its next try ahead; if the sender dies, another
takes it when that time comes. A receiver may therefore get a delivery twice, and recognises it by its id. After the
last failed try only a person can send it again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.db import connection

from engine.web.addresses import RequestFailed
from engine.web.guarded_http import GuardedHttp
from teams.reach import reach
from teams.secrets import unseal
from teams.webhooks.signatures import signed_headers

log = logging.getLogger(__name__)

TRY_TIMEOUT_S = 10.0
PAUSES_S = (10, 60, 300, 1_800, 7_200, 21_600, 54_000)
"""The pause after each try but the last: eight tries within a day."""
MAX_TRIES = len(PAUSES_S) + 1
MAX_TAKEN, MAX_TAKEN_PER_WEBHOOK = 32, 2
TAKEN_FOR_S = 60
"""No other sender takes a delivery for so long. It is longer than a try can take."""
MAX_KEPT_CHARS = 1_000
KEPT_DAYS = 30

TAKE_DUE = """
    WITH due AS (
        SELECT oldest.id FROM teams_webhook AS webhook CROSS JOIN LATERAL (
            SELECT id FROM teams_delivery
            WHERE webhook_id = webhook.id AND state = 'due' AND next_try_at <= clock_timestamp()
            ORDER BY next_try_at LIMIT %(most_per_webhook)s FOR UPDATE SKIP LOCKED) AS oldest
        WHERE webhook.active ORDER BY random() LIMIT %(most)s)
    UPDATE teams_delivery AS delivery
    SET attempts = attempts + 1, tried_at = clock_timestamp(),
        next_try_at = clock_timestamp() + make_interval(secs => %(taken_for_s)s)
    FROM due, teams_webhook AS webhook
    WHERE delivery.id = due.id AND webhook.id = delivery.webhook_id
    RETURNING delivery.id, delivery.event, delivery.payload::text, delivery.attempts, webhook.url, webhook.secret
"""
"""Takes deliveries that are due, in random order: else webhooks that are always behind would keep others waiting."""

RECORD = """
    UPDATE teams_delivery
    SET state = %(state)s, status = %(status)s, error = %(error)s, response = %(response)s,
        next_try_at = CASE WHEN %(state)s = 'due' THEN clock_timestamp() + make_interval(secs => %(pause_s)s) END
    WHERE id = %(id)s AND state = 'due' AND attempts = %(attempts)s
"""
"""Writes down how a try went, unless another sender has taken the delivery since."""

DELETE_OLD = """
    DELETE FROM teams_delivery WHERE id IN (
        SELECT id FROM teams_delivery
        WHERE state <> 'due' AND created_at < now() - make_interval(days => %s) LIMIT 1000)
"""
"""Deletes up to a thousand deliveries that were sent or given up long ago."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that this sender has taken for its ``attempts``-th try. ``body`` is what is sent, to the letter."""

    id: UUID
    event: str
    body: bytes
    attempts: int
    url: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try went: the status and the beginning of the receiver's answer, or why there is no answer."""

    status: int | None = None
    response: str = ""
    error: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def take_due(*, most: int = MAX_TAKEN) -> list[Due]:
    """Takes deliveries whose time has come; no other sender takes them for the next minute."""
    limits = {"most": most, "most_per_webhook": MAX_TAKEN_PER_WEBHOOK, "taken_for_s": TAKEN_FOR_S}
    with connection.cursor() as cursor:
        cursor.execute(TAKE_DUE, limits)
        return [Due(row[0], row[1], _body(row[2]), *row[3:]) for row in cursor.fetchall()]


async def send_all(due: Sequence[Due]) -> list[Tried]:
    """Sends all of them at the same time; none takes longer than ``TRY_TIMEOUT_S``, whatever its receiver does."""
    http = GuardedHttp(reach(), timeout_s=TRY_TIMEOUT_S)
    return await asyncio.gather(*(_try(http, delivery) for delivery in due))


def record(due: Due, tried: Tried) -> None:
    """Writes down how the try went and when the next one is due, unless another sender has taken the delivery since."""
    has_next_try = not tried.is_accepted and due.attempts < MAX_TRIES
    values: dict[str, Any] = {
        "id": due.id,
        "attempts": due.attempts,
        "state": "sent" if tried.is_accepted else "due" if has_next_try else "failed",
        "status": tried.status,
        "error": tried.error[:MAX_KEPT_CHARS],
        "response": tried.response[:MAX_KEPT_CHARS],
        "pause_s": PAUSES_S[due.attempts - 1] if has_next_try else 0,
    }
    with connection.cursor() as cursor:
        cursor.execute(RECORD, values)


def forget_old() -> None:
    """Deletes deliveries that were made a month ago and are sent or given up."""
    with connection.cursor() as cursor:
        cursor.execute(DELETE_OLD, [KEPT_DAYS])


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
    except Exception as failed:  # a bug in one delivery must not lose the results of the others
        log.exception("A webhook could not be tried by a bug")
        return Tried(error=f"Crewsite itself failed ({type(failed).__name__}); its log names the fault.")
    error = "" if answer.status < 300 else "A redirect, which is not followed." if answer.status < 400 else "Refused."
    return Tried(answer.status, answer.text, error)


def _headers(due: Due, secret: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Crewsite/1 (webhook)",
        "X-Crewsite-Event": due.event,
        **signed_headers(secret, delivery_id=str(due.id), body=due.body, at=datetime.now(UTC)),
    }


def _body(payload: str) -> bytes:
    return json.dumps(json.loads(payload), ensure_ascii=False, separators=(",", ":")).encode()
