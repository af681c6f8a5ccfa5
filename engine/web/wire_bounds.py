"""What a server may do on the wire: how many values its JSON holds, how small its parts are, how long it has the loop.

Bytes are looked at before a library does anything with them: a reply of 2 MB can hold 600,000 values, and each costs a
library up to 60 microseconds on the event loop.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from engine.web.addresses import RequestFailed

MAX_VALUES = 20_000
"""Of one JSON text. What models and tools say is text, which counts as one value: structure of more is no answer."""
FREE_PARTS = 2000
MIN_MEAN_BYTES = 16
"""Of the parts of a body beyond the first ones. Each part costs some 20 microseconds, even if it is one byte."""
PIECE_BYTES = 16_384
READ_BYTES = 8192
MAX_WIRE_BYTES = 6_000_000
"""Three times of what the body may have."""
SHORT_S = 0.001
MAX_PAUSE_S = 0.05

_LINE_ENDS = re.compile(rb"[\r\n]+")


class JsonValues:
    """Counts the values of a JSON text that comes in chunks, without parsing it: commas and opening brackets.

    What stands in strings does not count. ``in_lines``: the text is a stream of events, in which no string goes on
    beyond its line.
    """

    def __init__(self, most: int = MAX_VALUES, *, in_lines: bool = False) -> None:
        self._most = most
        self._in_lines = in_lines
        self.restart()

    def restart(self) -> None:
        """A new text begins."""
        self._count = 0
        self._is_in_string = False
        self._begun_escape = b""

    def add(self, chunk: bytes) -> None:
        """Raises ``RequestFailed`` once there are too many."""
        for start in range(0, len(chunk), PIECE_BYTES):
            self._add_piece(chunk[start : start + PIECE_BYTES])
            if self._count > self._most:
                raise RequestFailed(f"The answer holds more than {self._most:,} values.")

    def _add_piece(self, piece: bytes) -> None:
        first, *others = _LINE_ENDS.split(piece) if self._in_lines else [piece]
        self._add_line(first)
        for line in others:
            self._is_in_string, self._begun_escape = False, b""
            self._add_line(line)

    def _add_line(self, line: bytes) -> None:
        text = self._begun_escape + line
        self._begun_escape = b"\\" if (len(text) - len(text.rstrip(b"\\"))) % 2 else b""
        text = text[: len(text) - len(self._begun_escape)]
        parts = text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        outside = b"".join(parts[self._is_in_string :: 2])
        self._is_in_string ^= len(parts) % 2 == 0
        self._count += outside.count(b",") + outside.count(b"[") + outside.count(b"{")


class Parts:
    """Counts the parts in which a body comes."""

    def __init__(self) -> None:
        self._parts = 0
        self._bytes = 0

    def add(self, size: int) -> None:
        """Raises ``RequestFailed`` once there are too many for so few bytes."""
        self._parts += 1
        self._bytes += size
        if self._parts > FREE_PARTS + self._bytes / MIN_MEAN_BYTES:
            raise RequestFailed(f"The answer comes in {self._parts:,} parts, which is too many for its size.")


async def make_way(since: float) -> None:
    """Lets the event loop do other things, for as long as the caller has worked on it since then.

    ``since`` is of ``time.thread_time()``: on a busy machine the clock would count what other processes do. So nobody
    who sends bytes without a pause gets more than half of the loop.
    """
    worked_s = time.thread_time() - since
    await asyncio.sleep(min(worked_s, MAX_PAUSE_S) if worked_s > SHORT_S else 0)


class Wire:
    """A connection of httpcore's or httpcore2's that is read in small pieces, between which others have the event loop.

    Both take what they have read apart in one go: 64 kB of parts of one byte took 0.3 s. For one request no more than
    ``MAX_WIRE_BYTES`` are read, whatever they are: heads without end, or the frames of empty parts.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = MAX_WIRE_BYTES
        self._since = time.thread_time()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        await make_way(self._since)
        read: bytes = await self._stream.read(min(max_bytes, READ_BYTES), timeout)
        self._left -= len(read)
        if self._left < 0:
            raise RequestFailed(f"The server sent more than {MAX_WIRE_BYTES:,} bytes for one answer.")
        self._since = time.thread_time()
        return read

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._left = MAX_WIRE_BYTES
        await self._stream.write(buffer, timeout)
        self._since = time.thread_time()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **options: Any) -> Wire:
        return Wire(await self._stream.start_tls(*args, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
