"""Makes one attempt one HTTP exchange of bounded size, in the transports below LiteLLM and its SDKs.

LiteLLM repeats a request after a cut connection, after a 422 and after messages that a provider dislikes, follows
redirects, and asks some servers about their models beforehand. Such a request would be billed without a line in the
ledger, or go to an address that nobody checked, so the transports refuse it. What is retried is decided in
``crew.model_calls``.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import httpx

from engine.web.addresses import RequestFailed
from engine.web.guarded_http import unpacker

MAX_REPLY_BYTES = 16_000_000
MAX_REPLY_OBJECTS = 10_000
"""JSON objects of a whole answer, or of an event of a stream. LiteLLM makes Python objects of them on the event loop:
100,000 tool calls, in 8 MB, held it up for 6 s. Those within texts do not count, since their quotes are escaped."""
MAX_UNREADABLE_BYTES = 16_384
"""Of an error, and of an answer that is no JSON, so much is passed on."""
TAIL_BYTES = 16_384

Send = Callable[[httpx.AsyncBaseTransport, httpx.Request], Awaitable[httpx.Response]]


class SecondRequest(httpx.TransportError):
    """The client library tried to send another request than the one of the attempt."""


class ReplyTooLarge(httpx.TransportError):
    """The answer is longer than ``MAX_REPLY_BYTES``, holds more than ``MAX_REPLY_OBJECTS``, or cannot be unpacked."""


@dataclass(slots=True)
class Exchange:
    """What one attempt sent and got. ``response`` is None until there is an answer; ``tail`` holds its last bytes.

    ``send`` sends its request; None: the client library's own transport does. ``refused``: why nothing was sent.
    ``failed``: why no answer began.
    """

    send: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None
    sent: bool = False
    refused: RequestFailed | None = None
    failed: httpx.TransportError | None = None
    response: httpx.Response | None = None
    tail: bytearray = field(default_factory=bytearray)


_OBJECT = re.compile(rb'\{\s*["}]')

_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def one_exchange(send: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None) -> Iterator[Exchange]:
    """Within it guarded transports send one request, by ``send``, and refuse every further one (``SecondRequest``)."""
    exchange = Exchange(send)
    token = _exchange.set(exchange)
    try:
        yield exchange
    finally:
        _exchange.reset(token)


def guard(transport: type[httpx.AsyncBaseTransport]) -> Send:
    """Guards all transports of the class: those under every client that LiteLLM makes. Returns its own way to send.

    The class itself is changed, and not subclassed, because LiteLLM looks after the connections of its own class only.
    Outside of exchanges it does what it did. A second call changes nothing.
    """
    send: Send = transport.handle_async_request
    if (own := getattr(send, "own", None)) is not None:
        return own  # type: ignore[no-any-return]

    async def handle_async_request(self: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        exchange = _exchange.get()
        if exchange is None:
            return await send(self, request)
        if exchange.failed is not None:
            raise exchange.failed  # what the first request met is what the attempt met
        if exchange.sent or exchange.refused:
            raise SecondRequest("The client library tried to send a second request.")
        exchange.sent = True
        # Nothing packed is asked for. What comes packed all the same is unpacked here and not by httpx, which would
        # make gigabytes of a small chunk.
        request.headers["Accept-Encoding"] = "identity"
        try:
            response = await (exchange.send(request) if exchange.send else send(self, request))
        except RequestFailed as refused:
            exchange.sent, exchange.refused = False, refused
            raise
        except httpx.TransportError as failure:
            exchange.failed = failure
            raise
        response.stream = _BoundedStream(response, exchange.tail)
        exchange.response = response
        return response

    handle_async_request.own = send  # type: ignore[attr-defined]
    transport.handle_async_request = handle_async_request  # type: ignore[method-assign]
    return send


def guard_blocking(transport: type[httpx.BaseTransport]) -> None:
    """Refuses within exchanges what would be sent by a blocking transport, which would also hold up the event loop."""
    send = transport.handle_request
    if getattr(send, "is_guarded", False):
        return

    def handle_request(self: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
        if _exchange.get() is not None:
            raise SecondRequest("The client library tried to send a request of its own.")
        return send(self, request)

    handle_request.is_guarded = True  # type: ignore[attr-defined]
    transport.handle_request = handle_request  # type: ignore[method-assign]


class _BoundedStream(httpx.AsyncByteStream):
    """An answer that ends with ``ReplyTooLarge`` at a limit, and keeps its last bytes in ``tail``.

    It is unpacked here, where the size of what comes of a chunk is bounded. Of an error, and of what is no JSON, only
    the beginning is passed on: LiteLLM looks through the whole text of an error for secrets, on the event loop, and
    takes seconds for each megabyte.
    """

    def __init__(self, response: httpx.Response, tail: bytearray) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self._tail = tail
        self._in_events = response.headers.get("content-type", "").startswith("text/event-stream")
        self._is_error = response.is_error
        self._unpack = _unpacker(response)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = bytearray()
        async for chunk in self._chunks():
            held += chunk
            if self._is_error and len(held) >= MAX_UNREADABLE_BYTES:
                break
            if self._in_events and b"\n" in chunk:
                lines, _, held = held.rpartition(b"\n")
                if told := _told(bytes(lines)):
                    yield told
        if held:
            yield bytes(held[:MAX_UNREADABLE_BYTES]) if self._is_error else _readable(bytes(held))

    async def _chunks(self) -> AsyncIterator[bytes]:
        """The unpacked answer."""
        left, packed_left, objects = MAX_REPLY_BYTES, MAX_REPLY_BYTES, 0
        async for packed in self._stream:
            packed_left -= len(packed)
            chunk = self._unpack(packed, left + 1)
            left -= len(chunk)
            if min(left, packed_left) < 0:
                raise ReplyTooLarge(f"The answer is larger than {MAX_REPLY_BYTES:,} bytes.")
            if self._in_events and b"\n" in chunk:
                objects = 0
            objects += sum(1 for _ in _OBJECT.finditer(chunk))
            if objects > MAX_REPLY_OBJECTS:
                raise ReplyTooLarge(f"The answer holds more than {MAX_REPLY_OBJECTS:,} objects.")
            self._tail += chunk[-TAIL_BYTES:]
            del self._tail[:-TAIL_BYTES]
            await asyncio.sleep(0)  # a server that never pauses would hold up the event loop, and with it the time-out
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _unpacker(response: httpx.Response) -> Callable[[bytes, int], bytes]:
    """``unpacker`` of the answer, which then counts as unpacked."""
    try:
        unpack = unpacker(response.headers.pop("content-encoding", ""))
    except RequestFailed as refused:
        raise ReplyTooLarge(str(refused)) from refused

    def checked(chunk: bytes, most_bytes: int) -> bytes:
        try:
            return unpack(chunk, most_bytes)
        except RequestFailed as refused:
            raise ReplyTooLarge(str(refused)) from refused

    return checked


def _told(lines: bytes) -> bytes:
    """Whole lines of a stream of events, each readable, without comments: those keep a connection open and say nothing.

    Nor does a second empty line.
    """
    kept = re.sub(rb"(?m)^:.*\n?", b"", lines + b"\n")
    kept = re.sub(rb"\n{3,}", b"\n\n", kept)
    return b"" if not kept.strip() and lines.startswith(b":") else b"\n".join(map(_readable, kept.split(b"\n")))


def _readable(text: bytes) -> bytes:
    """The text, or its beginning if it is long and LiteLLM could not read it. Events begin with ``data:``."""
    if len(text) <= MAX_UNREADABLE_BYTES:
        return text
    try:
        json.loads(text.removeprefix(b"data:"))
    except (ValueError, RecursionError):
        return text[:MAX_UNREADABLE_BYTES]
    return text
