"""Answers that the server gives before the application sees a request, and what every answer carries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from crewsite.errors import page
from teams.api.error_body import error_body

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAINED_BYTES = 8_000_000
DRAIN_S = 3.0
"""So much, or so long, is read and thrown away after a refusal: a client that is cut off while it sends never gets to
read why."""


class Refused(Exception):
    """What is answered in place of the application, for people."""

    def __init__(self, status: int, message: str, *, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


class ClientLeft(Exception):
    """There is nobody to send to any more, and the server has not told the application yet."""


class CommonHeaders:
    """Sees to it that no answer is guessed at by browsers, and none is kept that does not say so itself."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": _with_common(message.get("headers", ()))}
            await _send_if_there(send, message)

        try:
            await self._application(scope, receive, send_with_headers)
        except ClientLeft:
            await _until_told(receive)
        except Exception:
            if not started:
                await answer(scope, send_with_headers, Refused(500, "Crewsite itself failed; the log has the fault."))
            raise  # the server logs it


async def _send_if_there(send: Send, message: Message) -> None:
    """Raises ``ClientLeft`` where uvloop refuses to write to a closed connection."""
    try:
        await send(message)
    except RuntimeError as error:
        if "the handler is closed" in str(error):
            raise ClientLeft from None
        raise


async def _until_told(receive: Receive) -> None:
    """Waits a moment for the word that the client has left: the server logs an answer that ends before it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            while (await receive())["type"] != "http.disconnect":
                pass


async def answer(scope: Scope, send: Send, refusal: Refused, receive: Receive | None = None) -> None:
    """Sends the refusal at once and closes the connection. With ``receive``, what still comes is thrown away first."""
    kind, body = _body(_form(scope), refusal.status, refusal.message)
    headers = {b"content-type": kind, b"content-length": str(len(body)).encode(), b"connection": b"close"}
    if refusal.retry_after_s:
        headers[b"retry-after"] = str(refusal.retry_after_s).encode()
    await send({"type": "http.response.start", "status": refusal.status, "headers": list(headers.items())})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if receive is not None:
        await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


def header(scope: Scope, name: bytes) -> bytes | None:
    """The header's value, whose name is given in lower case."""
    return next((value for key, value in scope["headers"] if key == name), None)


def _with_common(headers: Any) -> list[tuple[bytes, bytes]]:
    given = [(bytes(name), bytes(value)) for name, value in headers]
    names = {name.lower() for name, _ in given}
    common: Mapping[bytes, bytes] = {b"x-content-type-options": b"nosniff", b"cache-control": b"no-store"}
    return given + [(name, value) for name, value in common.items() if name not in names]


def _form(scope: Scope) -> str:
    accepted = header(scope, b"accept") or b"*/*"
    if scope["path"].startswith("/api/"):
        return "json"
    return "page" if b"text/html" in accepted or b"*/*" in accepted else "text"


@lru_cache(maxsize=64)
def _body(form: str, status: int, message: str) -> tuple[bytes, bytes]:
    if form == "json":
        return b"application/json", json.dumps(error_body(status, message)).encode()
    if form == "page":
        return b"text/html; charset=utf-8", page(status, message).encode()
    return b"text/plain; charset=utf-8", f"{message}\n".encode()


async def _drain(receive: Receive) -> None:
    left = DRAINED_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
