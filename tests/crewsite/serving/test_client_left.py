"""A client that leaves before its answer is no fault of ours, and leaves no traceback in the log."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from crewsite.serving.answers import CommonHeaders
from crewsite.serving.protocol import BoundedProtocol

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


async def test_each_of_several_requests_on_a_connection_hears_that_its_client_has_left() -> None:
    begun: list[str] = []
    heard: list[str] = []

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])
        while (await receive())["type"] != "http.disconnect":
            pass
        heard.append(scope["path"])

    config = Config(waiting, http=BoundedProtocol, lifespan="off", log_config=None)
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: BoundedProtocol(config, state, {}, loop), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
        writer.write(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(10):
            while not begun:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            writer.close()
            while not heard:
                await asyncio.sleep(0.01)
    assert heard == ["/first"]
