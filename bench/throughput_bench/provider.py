"""A provider's stand-in in a process of its own: answers after a set time, notes when it was asked, keeps its bill.

Usage: python -m bench.throughput_bench.provider    (prints its port, serves until its standard input closes)

``POST /control/after/<ms>`` sets how long an answer takes; ``POST /control/reset`` forgets what was billed;
``GET /control/report`` gives it as ``Report``. Answers differ in what they bill, so that equal sums mean equal lines.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import urllib.request
from subprocess import PIPE, Popen
from typing import Any, NamedTuple, Self, TypedDict

from bench.engine_bench.server import Connection

ANSWER = "Demand grew in both quarters, costs fell, and two of the five regions need another look. " * 4
ORDER = re.compile(rb"order (\w+)")
"""Which run asks: the crew's tasks carry the run's input."""


class Billed(NamedTuple):
    """One request: its answer's id, which run asked, when it had arrived (system-wide monotonic clock), its tokens."""

    id: str
    order: str
    came_s: float
    prompt_tokens: int
    completion_tokens: int


class Report(TypedDict):
    billed: list[list[Any]]
    most_in_flight: int
    refused: int


class Bill:
    """What was asked since the last reset. ``after_s``: how long an answer takes."""

    def __init__(self) -> None:
        self.after_s = 0.0
        self.in_flight = 0
        self.number = 0
        self.reset()

    def reset(self) -> None:
        self.most_in_flight = self.in_flight
        self.refused = 0
        self.billed: list[Billed] = []

    def enter(self, body: bytes) -> Billed:
        self.number += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        order = ORDER.search(body)
        one = Billed(
            id=f"chatcmpl-{self.number}",
            order=order[1].decode() if order else "",
            came_s=time.monotonic(),
            prompt_tokens=50 + len(body) // 8,
            completion_tokens=20 + self.number % 37,
        )
        self.billed.append(one)
        return one

    def report(self) -> Report:
        return Report(
            billed=[list(one) for one in self.billed], most_in_flight=self.most_in_flight, refused=self.refused
        )


class ProviderConnection(Connection):
    """One keep-alive connection of whoever asks; the reading of requests is that of the engine benchmark's server."""

    def __init__(self, bill: Bill) -> None:
        super().__init__(bill)  # type: ignore[arg-type]
        self._bill = bill

    def _serve(self, head: bytes, body: bytes) -> None:
        bill = self._bill
        if head.startswith(b"POST /v1/chat/completions "):
            asyncio.get_running_loop().call_later(bill.after_s, self._complete, bill.enter(body))
        elif head.startswith(b"POST /control/after/"):
            bill.after_s = int(head.split(b" ")[1].rsplit(b"/", 1)[1]) / 1000
            self._send(b"200 OK", b"{}")
        elif head.startswith(b"POST /control/reset "):
            bill.reset()
            self._send(b"200 OK", b"{}")
        elif head.startswith(b"GET /control/report "):
            self._send(b"200 OK", json.dumps(bill.report()).encode())
        else:
            bill.refused += 1
            self._send(b"404 Not Found", b'{"error": {"message": "no such address"}}')

    def _complete(self, one: Billed) -> None:
        self._bill.in_flight -= 1
        self._send(b"200 OK", completion(one))


def completion(one: Billed) -> bytes:
    message = {"role": "assistant", "content": ANSWER}
    return json.dumps(
        {
            "id": one.id,
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": one.prompt_tokens,
                "completion_tokens": one.completion_tokens,
                "total_tokens": one.prompt_tokens + one.completion_tokens,
            },
        }
    ).encode()


class Provider:
    """``with Provider() as provider``: the stand-in in a process of its own, and its controls."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "bench.throughput_bench.provider"]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdout is not None
        self._address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.base_url = f"{self._address}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def answer_after(self, ms: int) -> None:
        self._control("POST", f"after/{ms}")

    def reset(self) -> None:
        self._control("POST", "reset")

    def report(self) -> tuple[list[Billed], int]:
        """What was billed in order of arrival, and the most requests that were in flight at once."""
        report: Report = self._control("GET", "report")
        assert not report["refused"], "somebody asked the stand-in for what no provider offers"
        return [Billed(*one) for one in report["billed"]], report["most_in_flight"]

    def _control(self, method: str, what: str) -> Any:
        request = urllib.request.Request(f"{self._address}/control/{what}", method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    bill = Bill()
    server = await loop.create_server(lambda: ProviderConnection(bill), "127.0.0.1", 0, backlog=2048)
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
