"""A server on loopback that answers what it is told to, one answer after the other, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import NoneType, TracebackType, UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints, is_typeddict


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """``cut``: the connection ends where the body does, though more was promised. Without a status it ends at once."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


GONE = Answer(0)


def sample(kind: Any, /, *, full: bool = False, **more: Any) -> Any:
    """The least that the client takes for an answer of this kind; ``full``: with something in all that may be empty."""
    if is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {name: sample(hint, full=full) for name, hint in hints.items()} | more
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return "0.5" if "usd" in kind.__metadata__ else "2026-11-30T06:00:01.5Z"
    if origin is Literal:
        return args[0]
    if origin in (Union, UnionType):
        return None if NoneType in args and not full else sample(args[0], full=full)
    if full and origin in (list, dict):
        inside = sample(args[-1], full=True)
        return [inside, inside] if origin is list else {"text": inside}
    return {str: "text", int: 1, float: 0.5, bool: False, list: [], dict: {}}.get(origin or kind)


def stream(content: bytes, *, cut: bool = False) -> Answer:
    return Answer(body=content, headers={"Content-Type": "text/event-stream"}, cut=cut)


def refusal(status: int, code: str = "code", message: str = "No.", **headers: str) -> Answer:
    error = {"code": code, "message": message, "fields": {"name": "Wrong."}}
    return Answer(status, {"error": error}, {name.replace("_", "-"): value for name, value in headers.items()})


class Answering:
    """``asked`` is what it was asked so far; the last answer is given again."""

    def __init__(self, *answers: Answer) -> None:
        self.asked: list[Asked] = []
        self._answers: Sequence[Answer] = answers
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
                outer.asked.append(asked)
                outer._give(self, outer._answers[min(len(outer.asked), len(outer._answers)) - 1])

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Tests read what was asked, not lines about it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _give(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.close_connection = True
        if not answer.status:
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.content) + answer.cut))
        with contextlib.suppress(ConnectionError):  # who asked is free to leave
            handler.end_headers()
            handler.wfile.write(answer.content)
