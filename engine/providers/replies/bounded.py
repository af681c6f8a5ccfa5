"""A provider's answer on its way to LiteLLM: bounded in bytes, values and parts, checked, and read before it goes on.

LiteLLM takes answers apart on the event loop, 60 microseconds for each part, and what it cannot convert it looks
through for secrets and for kinds of errors, for seconds a megabyte.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from engine.providers.replies.shape import shape_fault
from engine.providers.replies.wire import WireReply
from engine.web.addresses import RequestFailed
from engine.web.guarded_http import unpacker
from engine.web.wire_bounds import JsonValues, Parts, make_way

MAX_REPLY_BYTES = 4_000_000
"""Of a whole answer, and of one event of a stream: some million tokens, which is more than any model writes."""
MAX_STREAM_BYTES = 16_000_000
"""Of a whole stream, where each token has 200 to 300 bytes around it."""
MAX_UNREADABLE_BYTES = 8192
"""Of an error, and of an answer that is no JSON, so much is passed on."""
TAIL_BYTES = 16_384
PIECE_BYTES = 4096
"""Of events, so many bytes are read at once: a hundred of the smallest."""
END = b"[DONE]"
EVENT = re.compile(rb"\s*(?:data|event|id|retry)?:")
"""How a stream of events begins."""
IN_LINES = frozenset({"text/event-stream", "application/x-ndjson"})
"""Kinds of content of which each line is read by itself, as it comes."""


class ReplyTooLarge(httpx.TransportError):
    """The answer has too many bytes, values or parts, or cannot be unpacked."""


class UnusableReply(httpx.TransportError):
    """The answer is JSON, and no reply."""


class BoundedReply(httpx.AsyncByteStream):
    """An answer that ends with ``ReplyTooLarge`` at a limit, and is read into ``wire`` as it passes.

    It is unpacked here, where the size of what comes of a chunk is bounded, and is passed on as UTF-8 whatever its
    headers say, since it was looked at as that. In the place of what ``wire`` takes, a stand-in is passed on.
    """

    def __init__(self, response: httpx.Response, wire: WireReply) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self._wire = wire
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        response.headers["content-type"] = media_type
        self._in_events = media_type in IN_LINES
        self._is_error = response.is_error
        self._is_stood_in = False
        self._unpack = _unpacker(response)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = bytearray()
        async for chunk in self._chunks():
            held += chunk
            if self._is_error and len(held) >= MAX_UNREADABLE_BYTES:
                break
            if self._in_events and b"\n" in chunk:
                lines, _, held = held.rpartition(b"\n")
                async for piece in self._in_pieces(bytes(lines)):
                    yield piece
            if len(held) > MAX_REPLY_BYTES:
                raise _too_large(MAX_REPLY_BYTES)
        if held:
            yield bytes(held[:MAX_UNREADABLE_BYTES]) if self._is_error else self._last(bytes(held))
        yield self._stand_in() if self._in_events else b""

    def _last(self, held: bytes) -> bytes:
        return self._told(held) if self._in_events else self._readable(held)

    async def _chunks(self) -> AsyncIterator[bytes]:
        """The unpacked answer. In between the event loop is given back."""
        most = MAX_STREAM_BYTES if self._in_events else MAX_REPLY_BYTES
        left, packed_left, parts, values = most, most, Parts(), JsonValues()
        async for packed in self._stream:
            since = time.thread_time()
            packed_left -= len(packed)
            chunk = self._unpack(packed, left + 1)
            if not self._wire.tail and EVENT.match(chunk):  # whatever its headers say
                self._in_events = True
            left -= len(chunk)
            if min(left, packed_left) < 0:
                raise _too_large(most)
            try:
                parts.add(len(packed))
                self._count(values, chunk)
            except RequestFailed as refused:
                raise ReplyTooLarge(str(refused)) from refused
            self._wire.tail += chunk[-TAIL_BYTES:]
            del self._wire.tail[:-TAIL_BYTES]
            await make_way(since)
            yield chunk

    def _count(self, values: JsonValues, chunk: bytes) -> None:
        """Of a stream each event has values of its own. One that lies within a chunk cannot have too many."""
        if self._in_events and b"\n" in chunk:
            ending, _, others = chunk.partition(b"\n")
            values.add(ending)
            values.restart()
            chunk = others.rpartition(b"\n")[2]
        values.add(chunk)

    async def _in_pieces(self, lines: bytes) -> AsyncIterator[bytes]:
        """Few events at once: reading them holds up the event loop, which is given back in between."""
        for piece in _pieces(lines):
            since = time.thread_time()
            if told := self._told(piece):
                yield told
            await make_way(since)

    def _told(self, lines: bytes) -> bytes:
        """Whole lines of a stream of events, each readable, without comments: those keep a connection open and say
        nothing. Nor does a second empty line."""
        is_comment = lines.startswith(b":")
        kept = _LINE_END.sub(b"\n", lines + b"\n")
        for mark, escaped in _OTHER_LINE_ENDS.items():
            kept = kept.replace(mark, escaped)
        kept = re.sub(rb"(?m)^:.*\n?", b"", kept)
        kept = re.sub(rb"\n{3,}", b"\n\n", kept)
        return b"" if not kept.strip() and is_comment else b"\n".join(map(self._readable, kept.split(b"\n")))

    def _readable(self, text: bytes) -> bytes:
        """The text; its beginning if it is long and no JSON; a stand-in if it was taken.

        Raises ``UnusableReply`` for an object that is no reply. Events begin with ``data:``.
        """
        if not text or b"\x00" in text:  # JSON with NULs would be UTF-16, and was not looked at as that
            return text[:MAX_UNREADABLE_BYTES]
        event = text.removeprefix(b"data:")
        if event.strip() == END and self._in_events:
            self._wire.end()
            return self._stand_in() + text
        try:
            read = json.loads(event)
        except (ValueError, RecursionError):
            return text[:MAX_UNREADABLE_BYTES]
        if not isinstance(read, dict):
            return text[:MAX_UNREADABLE_BYTES]
        if not self._is_error:
            self._wire.note(read)
            read = self._wire.adapted(read)
        if fault := shape_fault(read):
            raise UnusableReply(f"The provider's answer cannot be used: {fault}.")
        if self._is_error or not self._wire.take(read, is_event=self._in_events):
            return text
        return b"" if self._in_events else self._wire.stand_in(is_event=False)

    def _stand_in(self) -> bytes:
        """Events in the place of those that were taken, once."""
        if not self._wire.is_open_ai or self._is_stood_in:
            return b""
        self._is_stood_in = True
        return self._wire.stand_in(is_event=True)

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


def _too_large(most_bytes: int) -> ReplyTooLarge:
    return ReplyTooLarge(f"The answer is larger than {most_bytes:,} bytes.")


_LINE_END = re.compile(rb"\r\n?")
_OTHER_LINE_ENDS = {
    b"\xe2\x80\xa8": b"\\u2028",
    b"\xe2\x80\xa9": b"\\u2029",
    b"\xc2\x85": b"\\u0085",
} | {bytes([mark]): b" " for mark in (0x0B, 0x0C, 0x1C, 0x1D, 0x1E)}
"""httpx ends a line at these too, which no server means; within JSON they stand in strings and can be escaped."""


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines, some kilobytes at once."""
    at = 0
    while at < len(lines):
        end = lines.find(b"\n", at + PIECE_BYTES)
        end = len(lines) if end < 0 else end + 1
        yield lines[at:end]
        at = end
