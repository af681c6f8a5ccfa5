"""Asks the servers by which an account elsewhere signs in. What they answer is bounded in bytes and in time."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter

MAX_BYTES = 1_000_000
AT_ONCE = 65_536
BODY_S = 10.0
"""For one body, however it comes; besides, each wait for the next of its bytes has the settings' time-out."""


class Unbounded(RequestException):
    """An answer of more than ``MAX_BYTES``, one that takes longer than ``BODY_S``, or a packed one, for which nobody
    asked."""


class BoundedAdapter(HTTPAdapter):
    """Reads each body at once and within the bounds, those of redirects too."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        options["timeout"] = options.get("timeout") or settings.SOCIALACCOUNT_REQUESTS_TIMEOUT
        response = super().send(request, *args, **options | {"stream": True})
        try:
            response._content = _body(response)
        finally:
            response.close()
        response._content_consumed = True
        return response


def bounded_session() -> Session:
    """Raises ``RequestException`` for whatever fails."""
    session = Session()
    session.headers["Accept-Encoding"] = "identity"  # a small packed answer may be a large one
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter())
    return session


def _body(response: Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unbounded("A packed answer.", response=response)
    parts: list[bytes] = []
    ends_at, left = time.monotonic() + BODY_S, MAX_BYTES
    while part := response.raw.read1(AT_ONCE, decode_content=False):
        left -= len(part)
        if left < 0 or time.monotonic() > ends_at:
            raise Unbounded("An answer that is too long or too slow.", response=response)
        parts.append(part)
    return b"".join(parts)
