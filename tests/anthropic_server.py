"""A stand-in on loopback for Anthropic's messages API, with its way of reporting cached tokens."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AnthropicServer:
    """``with AnthropicServer(usage) as server``: ``server.url`` is the base URL, ``server.bodies`` what it was sent."""

    def __init__(self, usage: dict[str, int], *, tool: str = "") -> None:
        self.bodies: list[dict[str, Any]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.bodies.append(body)
                wants_tool = bool(tool) and len(owner.bodies) == 1
                content = {"type": "tool_use", "id": "toolu_1", "name": tool, "input": {"expression": "1+1"}}
                answer = {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "model": body["model"],
                    "content": [content if wants_tool else {"type": "text", "text": "Two"}],
                    "stop_reason": "tool_use" if wants_tool else "end_turn",
                    "usage": usage,
                }
                data = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> AnthropicServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
