"""An OpenAI-compatible server on loopback that answers every chat request alike after a set time, and keeps count.

Usage: python -m bench.engine_bench.server    (prints its port, serves until its standard input closes)

``POST /after/<ms>/v1/chat/completions`` answers after that many milliseconds; so the base URL sets the latency.
``POST /control/reset`` forgets what was seen; ``GET /control/report`` says what was seen since then, as ``Report``.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import urllib.request
from subprocess import PIPE, Popen
from typing import Any, Self, TypedDict

from bench.engine_bench.crews import ANSWER

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LATENCY = re.compile(rb"POST /after/(\d+)/v1/chat/completions ")
COMPLETION = json.dumps(
    {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }
).encode()


class Report(TypedDict):
    """``bodies``: the chat requests in order of arrival, as OpenAI's request JSON; ``refused``: requests for others."""

    calls: int
    most_in_flight: int
    refused: int
    bodies: list[dict[str, Any]]


class Seen:
    """What the server has seen since the last reset. ``bodies`` are left unparsed until somebody asks."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        self.most_in_flight = self.in_flight
        self.refused = 0
        self.bodies: list[bytes] = []

    def report(self) -> Report:
        return Report(
            calls=len(self.bodies),
            most_in_flight=self.most_in_flight,
            refused=self.refused,
            bodies=[json.loads(body) for body in self.bodies],
        )


class Connection(asyncio.Protocol):
    """One keep-alive connection: whole requests are cut off the front of what has arrived."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._arrived = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        while (end := self._arrived.find(b"\r\n\r\n")) >= 0:
            head = self._arrived[:end]
            length = LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._arrived) < whole:
                return
            body, self._arrived = self._arrived[end + 4 : whole], self._arrived[whole:]
            self._serve(head, body)

    def _serve(self, head: bytes, body: bytes) -> None:
        seen = self._seen
        if latency := LATENCY.match(head):
            seen.bodies.append(body)
            seen.in_flight += 1
            seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
            asyncio.get_running_loop().call_later(int(latency[1]) / 1000, self._answer)
        elif head.startswith(b"POST /control/reset "):
            seen.reset()
            self._send(b"200 OK", b"{}")
        elif head.startswith(b"GET /control/report "):
            self._send(b"200 OK", json.dumps(seen.report()).encode())
        else:
            seen.refused += 1
            self._send(b"404 Not Found", b'{"error": {"message": "no such address"}}')

    def _answer(self) -> None:
        self._seen.in_flight -= 1
        self._send(b"200 OK", COMPLETION)

    def _send(self, status: bytes, body: bytes) -> None:
        if self._transport is not None:
            head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
            self._transport.write(head + body)


class Loopback:
    """``with Loopback() as server``: the server in a process of its own, and its controls."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "bench.engine_bench.server"]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdout is not None
        self.address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def reset(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.address}/control/reset", method="POST"), timeout=30)

    def report(self) -> Report:
        with urllib.request.urlopen(f"{self.address}/control/report", timeout=60) as answer:
            report: Report = json.load(answer)
        return report


def base_url(address: str, latency_ms: int) -> str:
    """The OpenAI base URL at which the server takes that long to answer."""
    return f"{address}/after/{latency_ms}/v1"


async def serve() -> None:
    loop = asyncio.get_running_loop()
    seen = Seen()
    server = await loop.create_server(lambda: Connection(seen), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    try:
        import uvloop  # twice as fast, where the platform has it
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())


if __name__ == "__main__":
    main()
