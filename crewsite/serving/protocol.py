"""uvicorn's HTTP protocol with bounds: on connections, on a request's head, and on how slowly it may come.

uvicorn itself bounds none of these. ``uvicorn --http crewsite.serving.protocol:BoundedProtocol`` would use it;
``python -m crewsite.serving`` does.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from http import HTTPStatus
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from crewsite import http_metrics
from crewsite.serving.doorkeeper import doorkeeper_of

MAX_TARGET_BYTES = 8_000
MAX_HEAD_BYTES = 32_000
"""The address and all headers of a request, and what follows its last chunk."""
MAX_PIPELINED = 20
LEAST_BYTES_PER_S = 1_000
MAX_BODY_S = 300
"""However fast it comes, a body that is not complete by then is given up."""
MAX_STALLED_S = 60
"""So long may an answer wait for a client that does not read it."""
LINGER_S = 10
"""So long may a connection that is being closed wait for its client to read the rest."""


class Stage(Enum):
    """What a connection waits for."""

    REQUEST = "request"
    HEAD = "head"
    BODY = "body"


class BadRequest(Exception):
    """Stops the parser; what is answered lies in ``_refusal``."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Its client has ``REQUEST_PATIENCE_S`` for a head, and for a body that and a second more for each
    kilobyte; an answer under way, such as a stream of events, has no time limit as long as its client reads it."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._keeper = doorkeeper_of(server_state, self.loop)
        self._admitted = ""
        self._stage = Stage.REQUEST
        self._since = self._keeper.now
        self._stalled_since: int | None = None
        self._closing_since: int | None = None
        self._head_bytes = 0
        self._body_bytes = 0
        self._unparsed_bytes = 0
        self._refusal = HTTPStatus.BAD_REQUEST
        self._unanswered: list[Any] = []  # requests' cycles; uvicorn itself knows the last alone

    # What asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        client = self.client[0] if self.client else ""
        most, most_per_address = settings.MAX_CONNECTIONS, settings.CONNECTIONS_PER_ADDRESS
        if self._keeper.admits(client, most=most, most_per_address=most_per_address):
            self._admitted = client
            return
        self._cut(HTTPStatus.SERVICE_UNAVAILABLE, "connections")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self._unanswered.clear()
        if self._admitted:
            self._keeper.left(self._admitted)
            self._admitted = ""

    def data_received(self, data: bytes) -> None:
        self._unparsed_bytes += len(data)
        super().data_received(data)
        if self._unparsed_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._cut(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_since = self._keeper.now

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled_since = None

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._enter(Stage.HEAD)
        self._head_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unparsed_bytes = 0
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
        self._enter(Stage.BODY)
        super().on_headers_complete()
        self._unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete]
        if self.cycle is not None and self.cycle not in self._unanswered:
            self._unanswered.append(self.cycle)

    def on_body(self, body: bytes) -> None:
        self._unparsed_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed_bytes = 0
        self._enter(Stage.REQUEST)
        super().on_message_complete()

    # What uvicorn calls

    def on_response_complete(self) -> None:
        if self._stage is Stage.REQUEST:
            self._since = self._keeper.now
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Idle connections are the doorkeeper's part: uvicorn's timer also runs while this process stands still, and
        would close one whose next request has come meanwhile."""

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing here speaks WebSocket. uvicorn would advise each time to install it."""

    def send_400_response(self, msg: str) -> None:
        self._cut(self._refusal, "unreadable")

    # What the doorkeeper calls

    def look(self, now: int) -> None:
        if self.transport.is_closing():
            self._closing_since = now if self._closing_since is None else self._closing_since
            if now - self._closing_since > LINGER_S:
                self.transport.abort()
        elif self._stalled_since is not None and now - self._stalled_since > MAX_STALLED_S:
            http_metrics.connection_cut("unread")
            self.transport.abort()
        elif self._stage is Stage.BODY and self.flow.read_paused:
            self._since += 1  # what does not come is kept waiting by us
        elif now - self._since > self._patience_s():
            self._cut(HTTPStatus.REQUEST_TIMEOUT, self._stage.value)

    def _patience_s(self) -> float:
        """How long the present stage may last."""
        patience: float = settings.REQUEST_PATIENCE_S
        if self._stage is Stage.BODY:
            return min(patience + self._body_bytes / LEAST_BYTES_PER_S, MAX_BODY_S)
        if self._stage is Stage.HEAD:
            return patience
        if self._answering:
            return float("inf")
        return patience if self.cycle is None else settings.KEEP_ALIVE_S

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _enter(self, stage: Stage) -> None:
        self._stage, self._since = stage, self._keeper.now

    def _count_head(self, size: int) -> None:
        self._unparsed_bytes = 0
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _refuse(self, status: HTTPStatus) -> None:
        self._refusal = status
        raise BadRequest

    def _cut(self, status: HTTPStatus, reason: str) -> None:
        """Closes the connection, with an answer where a client can tell what it is the answer to."""
        http_metrics.connection_cut(reason)
        is_silent = self._stage is Stage.REQUEST and status == HTTPStatus.REQUEST_TIMEOUT
        waits_for_answer = not self.pipeline and (not self._answering or not self.cycle.response_started)
        if waits_for_answer and not is_silent:
            self.transport.write(_answer(status))
        self.transport.close()


def _answer(status: HTTPStatus) -> bytes:
    text = f"{status.phrase}\n".encode()
    headers = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(text)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers.append("Retry-After: 5")
    return "\r\n".join([*headers, "", ""]).encode() + text
