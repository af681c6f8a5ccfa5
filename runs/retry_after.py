"""How a page says when a refused request may be sent again."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpResponseBase

from teams.refusals import Refusal, TooMany

ResponseT = TypeVar("ResponseT", bound=HttpResponseBase)


def with_retry_after(response: ResponseT, refusal: Refusal | None) -> ResponseT:
    """The response, with ``Retry-After`` in seconds where the refusal is of too many requests."""
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.retry_after_s)
    return response
