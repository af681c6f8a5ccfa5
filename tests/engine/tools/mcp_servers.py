"""MCP servers for tests: a sound one of the ``mcp`` package on loopback, and scripted ones that may say anything.

Run as a program it is the sound one, over standard input and output.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from tests.engine.loopback import Asked, Reply, Site

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer


def sound_server(calls: list[str]) -> MCPServer:
    from mcp.server.mcpserver import MCPServer  # late: each process that looks for tests reads this file
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations

    server: MCPServer = MCPServer("sound")

    @server.tool(description="Adds two numbers.", annotations=ToolAnnotations(read_only_hint=True))
    def add(a: int, b: int) -> str:
        calls.append("add")
        return str(a + b)

    @server.tool(name="set name", annotations=ToolAnnotations(idempotent_hint=True))
    def set_name(name: str) -> str:
        """Sets the name."""
        calls.append("set name")
        return f"The name is {name}."

    @server.tool()
    def fail() -> str:
        raise ToolError("this went wrong")

    @server.tool()
    def numbers() -> dict[str, int]:
        return {"one": 1}

    @server.tool()
    def environment() -> str:
        return " ".join(sorted(os.environ))

    @server.tool()
    def crash() -> str:
        os._exit(3)

    @server.tool()
    def hang() -> str:
        time.sleep(2)
        return "late"

    return server


@contextmanager
def served(server: MCPServer, seen: list[dict[str, str]] | None = None) -> Iterator[str]:
    """The server's address while it is served. ``seen`` takes the headers of each request."""
    app = server.streamable_http_app()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        if seen is not None and scope["type"] == "http":
            seen.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await app(scope, receive, send)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        web = uvicorn.Server(uvicorn.Config(watched, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        web.should_exit = True
        thread.join(10)


def scripted(
    tools: list[dict[str, Any]],
    on_call: Callable[[Any], Reply] | None = None,
    *,
    pages: list[list[dict[str, Any]]] | None = None,
    **listing: Any,
) -> Site:
    """A server that lists these tools and answers calls of them with any bytes at all. Its path is ``/mcp``."""

    def answer(asked: Asked) -> Reply:
        if asked.method != "POST":
            return Reply(status=405)
        message = json.loads(asked.body)
        if "id" not in message:
            return Reply(status=202)
        results = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "scripted", "version": "1"},
            },
            "tools/list": {"tools": tools} | listing if pages is None else _page(pages, message),
        }
        if message["method"] in results:
            return rpc(message, results[message["method"]])
        if message["method"] == "tools/call" and on_call:
            return on_call(message)
        error = {"code": -32601, "message": "Method not found"}
        return _json({"jsonrpc": "2.0", "id": message["id"], "error": error})

    return Site({"/mcp": answer})


def _page(pages: list[list[dict[str, Any]]], message: Any) -> dict[str, Any]:
    number = int((message.get("params") or {}).get("cursor") or 0)
    return {"tools": pages[number]} | ({"nextCursor": str(number + 1)} if number + 1 < len(pages) else {})


def rpc(message: Any, result: Any) -> Reply:
    return _json({"jsonrpc": "2.0", "id": message["id"], "result": result})


def _json(data: Any) -> Reply:
    return Reply(json.dumps(data).encode(), headers={"Content-Type": "application/json"})


if __name__ == "__main__":
    sound_server([]).run("stdio")
