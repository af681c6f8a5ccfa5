"""People who click every second and people who watch a live run, on kept connections as browsers have."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

BETWEEN_CLICKS_S = 1.0
CHANGE_EVERY_S = 1.0
GIVE_UP_S = 60.0


@dataclass
class Found:
    """What a crowd met: seconds of each answered click, how often each status, and what viewers were told."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    events: int = 0
    viewers_lost: int = 0
    took_s: float = 0.0


@dataclass(frozen=True)
class Crowd:
    port: int
    cookies: list[str]  # readers and viewers have one each, in turn
    pages: list[str]  # what readers click on, in turn
    events: str  # what viewers watch

    def watch(self, *, readers: int, viewers: int, seconds: float, change: Callable[[], None]) -> Found:
        """So many readers and viewers for so long, while the live run changes every second."""
        return asyncio.run(self._watch(readers, viewers, seconds, change))

    async def _watch(self, readers: int, viewers: int, seconds: float, change: Callable[[], None]) -> Found:
        found = Found()
        watching = [asyncio.create_task(self._view(found, number)) for number in range(viewers)]
        changing = asyncio.create_task(_keep_changing(change))
        await asyncio.sleep(min(3.0, seconds))  # until all streams are open
        found.events = 0
        began = time.monotonic()
        clicking = [asyncio.create_task(self._read(found, number, began + seconds)) for number in range(readers)]
        await asyncio.gather(*clicking)
        found.took_s = time.monotonic() - began
        for task in (changing, *watching):
            task.cancel()
        await asyncio.gather(changing, *watching, return_exceptions=True)
        return found

    async def _read(self, found: Found, number: int, until: float) -> None:
        chance, connection, cookie = random.Random(number), None, self._cookie(number)
        await asyncio.sleep(chance.uniform(0, BETWEEN_CLICKS_S))
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                connection = connection or await self._connect(number)
                async with asyncio.timeout(GIVE_UP_S):
                    status, stays_open = await _get(*connection, chance.choice(self.pages), cookie)
            except (OSError, EOFError, TimeoutError):
                status, stays_open = 0, False
            found.statuses[status] += 1
            found.seconds.append(time.monotonic() - began)
            if connection is not None and not stays_open:
                connection[1].close()
                connection = None
            await asyncio.sleep(BETWEEN_CLICKS_S)

    def _cookie(self, number: int) -> str:
        return self.cookies[number % len(self.cookies)]

    async def _connect(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """From an address of its own: until the web knows people by their sessions, an address is one of them."""
        own = f"127.0.{1 + number // 250}.{1 + number % 250}"
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(own, 0))

    async def _view(self, found: Found, number: int) -> None:
        reader, writer = await self._connect(number)
        try:
            await _ask(writer, self.events, self._cookie(number))
            while line := await reader.readline():
                found.events += line.startswith(b"id: ")
            found.viewers_lost += 1
        except OSError:
            found.viewers_lost += 1
        finally:
            writer.close()


async def _keep_changing(change: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(change)
        await asyncio.sleep(CHANGE_EVERY_S)


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, cookie: str) -> tuple[int, bool]:
    """The status, and whether the connection may be used again."""
    await _ask(writer, path, cookie)
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines[1:] if line)
    if b"content-length" in headers:
        await reader.readexactly(int(headers[b"content-length"]))
    else:
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"0\r\n\r\n")
    return int(lines[0].split()[1]), headers.get(b"connection") != b"close"


async def _ask(writer: asyncio.StreamWriter, path: str, cookie: str) -> None:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n".encode())
    await writer.drain()
