"""Bounds the bodies of requests before the application reads them: Django would write any of them to disk."""

from __future__ import annotations

import logging
import time

from django.db import Error as DatabaseError

from crewsite import http_metrics
from crewsite.errors import NOT_FOUND
from crewsite.serving.answers import Application, Message, Receive, Refused, Scope, Send, answer, header
from crewsite.serving.body_limits import SMALL, most_bytes
from crewsite.serving.caller import is_signed_in

log = logging.getLogger(__name__)

MAX_HELD_BYTES = 200_000_000
"""Of all requests together that are larger than ``SMALL``, in one process."""

TOO_LARGE = "The request is too large: at most {most:,} bytes may be sent here."
SIGNED_OUT = (
    f"The request is larger than {SMALL:,} bytes, and nobody is signed in. Sign in, or send a valid token as "
    "'Authorization: Bearer <token>', and send it again."
)
FULL = "Too much is being uploaded at the moment. Try again in a few seconds."
UNKNOWN = "The database does not answer, so nobody can be signed in. Try again in a few seconds."


class BoundedBodies:
    """An ASGI application around another one. Bodies are counted as they come, whatever their headers say."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._application(scope, receive, send)
            return
        began = time.perf_counter()
        body = _Body(scope, receive, self)
        try:
            await body.admit(_declared(scope))
            await self._application(scope, body.receive, send)
        except Refused as refusal:
            http_metrics.request_answered(scope["method"], refusal.status, time.perf_counter() - began)
            log.info("A body was refused", extra={"method": scope["method"], "status": refusal.status})
            await answer(scope, send, refusal, receive)
        finally:
            self.hold(-body.held_bytes)

    def hold(self, size: int) -> None:
        """Counts what a large body takes. Raises ``Refused`` if all of them take too much."""
        self._held_bytes += size
        if size > 0 and self._held_bytes > MAX_HELD_BYTES:
            raise Refused(503, FULL, retry_after_s=5)


class _Body:
    def __init__(self, scope: Scope, receive: Receive, bodies: BoundedBodies) -> None:
        self.held_bytes = 0
        self._scope = scope
        self._receive = receive
        self._bodies = bodies
        self._received_bytes = 0
        self._signed_in = False
        self._most = most_bytes(scope["path"])

    async def receive(self) -> Message:
        message = await self._receive()
        size = len(message.get("body", b""))
        self._received_bytes += size
        await self.admit(self._received_bytes)
        if self._received_bytes > SMALL and size:
            self.held_bytes += size
            self._bodies.hold(size)
        return message

    async def admit(self, size: int) -> None:
        """Raises ``Refused`` unless a body of this many bytes may come here, from whoever sends it."""
        if self._most is None:
            raise Refused(404, NOT_FOUND)
        if size <= SMALL:
            return
        if size > self._most:
            raise Refused(413, TOO_LARGE.format(most=self._most))
        self._signed_in = self._signed_in or await self._ask()
        if not self._signed_in:
            raise Refused(413, SIGNED_OUT)

    async def _ask(self) -> bool:
        try:
            return await is_signed_in(self._scope)
        except DatabaseError as error:
            raise Refused(503, UNKNOWN, retry_after_s=5) from error


def _has_body(scope: Scope) -> bool:
    return _declared(scope) > 0 or header(scope, b"transfer-encoding") is not None


def _declared(scope: Scope) -> int:
    """What the request says that its body has; 0 if it does not say."""
    value = header(scope, b"content-length") or b""
    return int(value) if value.isdigit() and len(value) < 19 else 0
