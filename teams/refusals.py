"""How an action says no: an exception that a page shows at its form, and the API answers with ``status``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.http import HttpResponseBase

ResponseT = TypeVar("ResponseT", bound=HttpResponseBase)


class Refusal(Exception):
    """``message`` says what happened and what to do; ``fields`` maps a field's path to what is wrong with it.

    ``code`` is for machines.
    """

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        self.code = code or self.code


class Invalid(Refusal):
    """The request has a fault, and could not be carried out whenever it came."""


class Conflict(Refusal):
    """Somebody else was first, or the row is no longer in the state that the request assumes."""

    status = 409
    code = "conflict"


class Changed(Refusal):
    """The thing is not at the revision that the caller had read and named."""

    status = 412
    code = "changed"

    def __init__(self, now: object) -> None:
        super().__init__(
            f"This has changed since you read it; it is at revision {now} now. Nothing was done. Read it again, and "
            "send your change with the new revision."
        )


class TooMany(Refusal):
    """A quota is used up for now; the same request may succeed after ``retry_after_s``."""

    status = 429
    code = "quota_exceeded"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Busy(TooMany):
    """Too many ask for the same at once, and this was not begun."""

    code = "busy"


def with_retry_after(response: ResponseT, refusal: Refusal | None) -> ResponseT:
    """The response, with ``Retry-After`` in seconds where the refusal is of too many requests."""
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.retry_after_s)
    return response
