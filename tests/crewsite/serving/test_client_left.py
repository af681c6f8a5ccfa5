"""A client that leaves before its answer is no fault of ours, and leaves no traceback in the log."""

from __future__ import annotations

from typing import Any

import pytest

from crewsite.serving.answers import CommonHeaders

SCOPE: dict[str, Any] = {"type": "http", "path": "/", "headers": []}


class Server:
    """What uvicorn does on uvloop with a connection that its client has closed."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.was_asked = False

    async def send(self, message: dict[str, Any]) -> None:
        raise RuntimeError(self.fault)

    async def receive(self) -> dict[str, Any]:
        self.was_asked = True
        return {"type": "http.disconnect"}


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def test_an_answer_to_nobody_ends_quietly_once_the_server_knows() -> None:
    server = Server("unable to perform operation on <TCPTransport closed=True reading=False>; the handler is closed")
    await CommonHeaders(application)(SCOPE, server.receive, server.send)
    assert server.was_asked


async def test_other_faults_are_still_faults() -> None:
    server = Server("Response content longer than Content-Length")
    with pytest.raises(RuntimeError, match="longer"):
        await CommonHeaders(application)(SCOPE, server.receive, server.send)
