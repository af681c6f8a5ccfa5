"""Answers a request that is sent twice under one ``Idempotency-Key`` once: the second gets the first one's answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from teams.api.bearer import ApiRequest
from teams.models import IdempotentAnswer
from teams.refusals import Conflict

HEADER = "Idempotency-Key"


def once(request: ApiRequest, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer of ``make``, or under a repeated ``Idempotency-Key`` the answer that was given the first time.

    The same key with another body or path is a ``Conflict``. Of two requests at the same time one makes the answer; the
    other gets a ``Conflict`` that says to ask again.
    """
    key = request.headers.get(HEADER, "").strip()[:200]
    if not key:
        return make()
    request_hash = hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()
    claim, is_new = IdempotentAnswer.objects.get_or_create(
        team=request.auth.team, key=key, defaults={"request_hash": request_hash}
    )
    if not is_new:
        return _earlier_answer(claim, request_hash)
    try:
        answer = make()
    except BaseException:  # whatever ends it, even an interrupt: a claim that stays would block the key for ever
        claim.delete()
        raise
    IdempotentAnswer.objects.filter(pk=claim.pk).update(answer=answer)
    return answer


def _earlier_answer(claim: IdempotentAnswer, request_hash: str) -> dict[str, Any]:
    if claim.request_hash != request_hash:
        raise Conflict(f"The idempotency key {claim.key!r} was used for another request. Use a new key.")
    if claim.answer is None:
        raise Conflict("The first request with this idempotency key is still being answered. Ask again in a moment.")
    answer: dict[str, Any] = claim.answer
    return answer
