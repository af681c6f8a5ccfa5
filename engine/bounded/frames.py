"""JSON values over a socket, each with its length in front."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from typing import Any

LENGTH_BYTES = 4
POLL_SECONDS = 0.1


def send(to: socket.socket, value: Any) -> None:
    text = json.dumps(value).encode()
    to.sendall(len(text).to_bytes(LENGTH_BYTES) + text)


def receive(source: socket.socket, seconds: float | None = None, stop: threading.Event | None = None) -> Any:
    """The next value. Raises ``EOFError`` at the end, and ``TimeoutError`` once time is over or ``stop`` is set."""
    until = None if seconds is None else time.monotonic() + seconds
    length = int.from_bytes(_exactly(source, LENGTH_BYTES, until, stop))
    return json.loads(_exactly(source, length, until, stop))


def _exactly(source: socket.socket, count: int, until: float | None, stop: threading.Event | None) -> bytes:
    received = bytearray()
    while len(received) < count:
        if until is not None:
            _wait(source, until, stop)
        part = source.recv(min(count - len(received), 1 << 20))
        if not part:
            raise EOFError
        received += part
    return bytes(received)


def _wait(source: socket.socket, until: float, stop: threading.Event | None) -> None:
    poll = select.poll()
    poll.register(source, select.POLLIN)
    while not poll.poll(POLL_SECONDS * 1000):
        if time.monotonic() > until or (stop is not None and stop.is_set()):
            raise TimeoutError
