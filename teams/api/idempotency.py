"""Answers a request that is sent twice under one ``Idempotency-Key`` once: the second gets the first one's answer.

The work and its answer commit together, so there is never one without the other. While the work is done, its
transaction holds a lock of PostgreSQL on the key. The lock ends with the transaction, and that with its process: at
once if the process dies, within ``idle_in_transaction_session_timeout`` if it freezes or is cut off. Then nothing was
done, and the next request does it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection, transaction

from teams.api.bearer import ApiRequest
from teams.models import IdempotentAnswer, Team
from teams.refusals import Conflict, Invalid

HEADER = "Idempotency-Key"
MAX_KEY_CHARS = 200
Prepared = TypeVar("Prepared")


def key_of(request: ApiRequest) -> str:
    """The request's key; "" without one. Raises ``Invalid`` for one that is too long: cut off it might be another's."""
    key = request.headers.get(HEADER, "")
    if len(key) > MAX_KEY_CHARS:
        raise Invalid("Nothing was done.", fields={HEADER: f"At most {MAX_KEY_CHARS} characters."})
    return key.strip()


def once(request: ApiRequest, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer of ``make``, or under a repeated ``Idempotency-Key`` the answer that was given the first time.

    The same key with another body or path is a ``Conflict``. Of two requests at the same time one makes the answer; the
    other gets a ``Conflict`` that says to ask again. ``make`` writes to the database and nowhere else.
    """
    return once_prepared(request, lambda: None, lambda nothing: make())


def once_prepared(
    request: ApiRequest, prepare: Callable[[], Prepared], make: Callable[[Prepared], dict[str, Any]]
) -> dict[str, Any]:
    """As ``once``. ``prepare`` does what takes long and writes nothing; no transaction waits for it."""
    key = key_of(request)
    if not key:
        return make(prepare())
    team = request.auth.team
    request_hash = hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()
    if earlier := _earlier(team, key):
        return _answer_again(earlier, request_hash)
    prepared = prepare()
    with transaction.atomic():
        _lock(team, key)
        if earlier := _earlier(team, key):
            return _answer_again(earlier, request_hash)
        answer = make(prepared)
        IdempotentAnswer.objects.create(team=team, key=key, request_hash=request_hash, answer=answer)
    return answer


def _earlier(team: Team, key: str) -> IdempotentAnswer | None:
    return IdempotentAnswer.objects.filter(team=team, key=key).first()


def _answer_again(earlier: IdempotentAnswer, request_hash: str) -> dict[str, Any]:
    if earlier.request_hash != request_hash:
        raise Conflict(f"The idempotency key {earlier.key!r} was used for another request. Use a new key.")
    answer: dict[str, Any] = earlier.answer
    return answer


def _lock(team: Team, key: str) -> None:
    """Until the transaction ends. Raises ``Conflict`` if another one has the lock."""
    number = int.from_bytes(hashlib.sha256(f"{team.pk}\n{key}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        (locked,) = cursor.fetchone()
    if not locked:
        raise Conflict("The first request with this idempotency key is still being answered. Ask again in a moment.")
