"""A server as seen by clients that write what they like: bytes on sockets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

ANSWER_WITHIN_S = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Server:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self, sent: bytes = b"") -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_WITHIN_S)
        opened.sendall(sent)
        return opened

    def ask(self, *parts: bytes) -> Answer:
        """The first answer to these bytes. A server may answer, and stop reading, before all of them are sent."""
        return read_answer(self.send(parts))

    def ask_for(self, path: str, **headers: str) -> Answer:
        return self.ask(head("GET", path, **headers))

    def send(self, parts: Iterable[bytes]) -> socket.socket:
        opened = self.connect()
        with suppress(OSError):
            for part in parts:
                opened.sendall(part)
        return opened


def head(method: str, path: str, **headers: str) -> bytes:
    """A request's head; ``content_length`` is ``Content-Length``."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in ({"host": "127.0.0.1"} | headers).items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def chunks(size: int, block: bytes = b"a" * 500_000) -> Iterable[bytes]:
    """A chunked body of so many bytes and its end."""
    for _ in range(size // len(block)):
        yield b"%x\r\n%s\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def read_answer(opened: socket.socket) -> Answer:
    """The next answer on a connection, by its Content-Length or until its end. Status 0: it was closed without one."""
    with opened.makefile("rb") as stream:
        try:
            words = stream.readline().split(b" ", 2)
        except ConnectionError:
            words = []
        if len(words) < 2:
            return Answer(0, {}, b"")
        headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            key = name.lower()
            headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
        if words[1] == b"100":
            return Answer(100, headers, b"")
        length = headers.get("content-length")
        with suppress(ConnectionError):
            return Answer(int(words[1]), headers, stream.read(int(length) if length else -1))
        return Answer(int(words[1]), headers, b"")


def still_open(opened: Iterable[socket.socket]) -> list[socket.socket]:
    """Those that the server has not closed."""
    return [one for one in opened if not _is_closed(one)]


def until_closed(opened: list[socket.socket], *, within_s: float) -> int:
    """How many are still open after that time; it ends sooner if none is."""
    deadline = time.monotonic() + within_s
    while left := still_open(opened):
        if time.monotonic() > deadline:
            return len(left)
        time.sleep(0.1)
    return 0


def _is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        while one.recv(65_536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True
