"""``If-Match``: a write that names the revision its caller had read is refused once somebody else has changed it.

Without the header a write is carried out whatever is there: then the last one wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from teams.api.error_body import ERRORS, ErrorAnswer
from teams.refusals import Changed

HEADER = "If-Match"
IF_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": HEADER,
            "required": False,
            "schema": {"type": "string"},
            "description": "the `ETag` of what you read: its `revision` in quotes; 412 if it has changed since",
        }
    ]
}
"""For the ``openapi_extra`` of an operation that heeds the header."""
ERRORS_OF_WRITES: dict[int, Any] = ERRORS | {412: ErrorAnswer}


@contextmanager
def unchanged(request: HttpRequest, revision: Callable[[], object]) -> Iterator[None]:
    """What is done within, one transaction, finds the thing at the revision that the caller named, if one was.

    ``revision`` reads it, and locks the row where that may be done first. Raises ``Changed``.
    """
    named = revisions_named(request)
    if named is None:
        yield
        return
    with transaction.atomic():
        now = str(revision())
        if now not in named:
            raise Changed(now)
        yield


def revisions_named(request: HttpRequest) -> frozenset[str] | None:
    """The revisions that the caller takes; None for any. A weak tag names none: it does not promise enough."""
    header = request.headers.get(HEADER)
    if header is None or header.strip() == "*":
        return None
    return frozenset(tag.strip().strip('"') for tag in header.split(",") if not tag.strip().startswith("W/"))


def tagged(response: HttpResponse, revision: object) -> None:
    """Gives the answer the ``ETag`` that ``unchanged`` will know."""
    response["ETag"] = f'"{revision}"'


def digest(*parts: object) -> str:
    """A revision for what has no number: it differs as soon as one of the parts does."""
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:16]
