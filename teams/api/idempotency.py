"""Answers a request that is sent twice under one ``Idempotency-Key`` once, as ``teams.once`` has it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from teams.api.bearer import ApiRequest
from teams.once import done_once
from teams.refusals import Invalid

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
    request_hash = hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()
    return done_once(request.auth.team, key, request_hash, prepare, make)
