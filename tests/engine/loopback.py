"""A small web site on loopback for the tools' tests: what each path answers is given by the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """``pause_s`` is waited after each part of the body."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One request as the site saw it."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


Answer = Callable[[Asked], Reply]


class Site:
    """``with Site({"/": Reply(b"hello")}) as site``: ``site.url`` ends without a slash, ``site.asked`` is its log."""

    def __init__(self, replies: dict[str, Reply | Answer] | None = None, *, host: str = "127.0.0.1") -> None:
        self.replies: dict[str, Reply | Answer] = dict(replies or {})
        self.asked: list[Asked] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, body, headers)
                owner.asked.append(asked)
                reply = owner.replies.get(self.path, Reply(status=404))
                _send(self, reply if isinstance(reply, Reply) else reply(asked))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that the server looks for

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://{host}:{self.port}"

    def __enter__(self) -> Site:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _send(request: BaseHTTPRequestHandler, reply: Reply) -> None:
    parts = [reply.body] if isinstance(reply.body, bytes) else reply.body
    request.send_response(reply.status)
    for name, value in ({"Content-Type": "text/html"} | reply.headers).items():
        request.send_header(name, value)
    request.end_headers()
    with suppress(OSError):  # who asked may have given up, which is what some tests are about
        request.wfile.flush()
        for part in parts:
            request.wfile.write(part)
            time.sleep(reply.pause_s)
