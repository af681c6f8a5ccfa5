"""What is counted on the wire, whatever the chunks are, and how others get the event loop meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from engine.web.addresses import Reach, RequestFailed
from engine.web.guarded_http import GuardedHttp
from engine.web.wire_bounds import JsonValues, Parts

LOCAL = Reach.allowing(["127.0.0.1"])


def is_within(text: bytes, most: int, *, chunk: int, in_lines: bool = False) -> bool:
    values = JsonValues(most, in_lines=in_lines)
    try:
        for start in range(0, len(text), chunk):
            values.add(text[start : start + chunk])
    except RequestFailed:
        return False
    return True


def marks(value: Any) -> int:
    """Commas and opening brackets outside of strings."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + sum(map(marks, value.values()))
    return 1 + max(0, len(value) - 1) + sum(map(marks, value)) if isinstance(value, list) else 0


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 100_000])
def test_values_are_counted_exactly_in_whatever_chunks_they_come(chunk: int) -> None:
    made = random.Random(chunk)
    texts = ["", "\\", '"', '\\"', ",[{", '\\\\",', "a\\", "\u2028", '{"a":1,', "\n"]

    def value(depth: int) -> Any:
        kind = made.randrange(4 if depth < 4 else 2)
        if kind == 0:
            return "".join(made.choices(texts, k=3))
        if kind == 1:
            return made.randrange(100)
        parts = [value(depth + 1) for _ in range(made.randrange(5))]
        return parts if kind == 2 else {made.choice(texts) + str(n): part for n, part in enumerate(parts)}

    for _ in range(200):
        data = [value(0)]
        text = json.dumps(data).encode()
        assert is_within(text, marks(data), chunk=chunk)
        assert not is_within(text, marks(data) - 1, chunk=chunk)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_a_quote_in_a_line_of_a_stream_hides_nothing_in_the_next(end: bytes, chunk: int) -> None:
    hidden = b': "' + end + b"data: [" + b"[]," * 50 + b"1]" + end
    assert not is_within(hidden, 50, chunk=chunk, in_lines=True)
    assert is_within(hidden, 200, chunk=chunk, in_lines=True)


def test_parts_of_a_byte_are_refused_and_many_parts_of_an_ordinary_size_are_not() -> None:
    ordinary, tiny = Parts(), Parts()
    for _ in range(100_000):
        ordinary.add(40)
    for _ in range(2000):
        tiny.add(1)
    with pytest.raises(RequestFailed, match="too many for its size"):
        add_ones(tiny, 1000)


def add_ones(parts: Parts, number: int) -> None:
    for _ in range(number):
        parts.add(1)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def raw_server(answer: Iterable[bytes]) -> Iterator[str]:
    """Sends these bytes to whoever connects."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    for part in answer:
                        connection.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


async def turns_of_the_loop(work: Any) -> tuple[list[float], str]:
    """Seconds between the turns that others had meanwhile, in processor time of this thread; and how it failed."""
    waits: list[float] = []

    async def tick() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            waits.append(time.thread_time() - began)

    ticking = asyncio.create_task(tick())
    with pytest.raises(RequestFailed) as failed:
        await work
    ticking.cancel()
    return waits, str(failed.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 300_000], "parts"),
        (itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 1000), "for one answer|within 5 s"),
    ],
    ids=["parts of one byte", "heads without end"],
)
async def test_no_bytes_on_the_wire_hold_up_the_loop(answer: Iterable[bytes], reason: str) -> None:
    with raw_server(answer) as url:
        waits, said = await turns_of_the_loop(GuardedHttp(LOCAL, timeout_s=5).request("GET", url))
    assert sum(waits) / len(waits) < 0.005, "others had a turn of the loop 30 to 60 times in 5 s"
    assert any(word in said for word in reason.split("|"))


async def test_a_webhooks_receiver_is_bounded_too() -> None:
    with raw_server([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 300_000]) as url:
        sent = GuardedHttp(LOCAL, timeout_s=20).post_once(url, b"{}", headers={}, most_bytes=100_000)
        with pytest.raises(RequestFailed, match="parts"):
            await sent
