"""A stand-in on loopback for providers with shapes of their own: it answers what it is given, whatever the address."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[int, dict[str, Any]], "tuple[str, str]"]
"""From the number of the request, from 0, and its body to the content type and text of the answer."""


class NativeServer:
    """``with NativeServer(answer) as server``: ``server.url`` is the base URL, ``server.bodies`` what it was sent."""

    def __init__(self, answer: Answer) -> None:
        self.bodies: list[dict[str, Any]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.bodies.append(body)
                kind, text = answer(len(owner.bodies) - 1, body)
                data = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> NativeServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def as_json(data: Any) -> tuple[str, str]:
    return "application/json", json.dumps(data)


def as_events(*data: Any, named: bool = False) -> tuple[str, str]:
    """Server-sent events; ``named``: each has its type as its name, as Anthropic's have."""
    lines = [(f"event: {one['type']}\n" if named else "") + f"data: {json.dumps(one)}\n\n" for one in data]
    return "text/event-stream", "".join(lines)


def anthropic(blocks: list[dict[str, Any]], usage: dict[str, int], *, stop: str, more: Any = None) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_sequence": None}
    return head | {"content": blocks, "stop_reason": stop, "usage": usage} | (more or {})


def anthropic_events(message: dict[str, Any]) -> list[dict[str, Any]]:
    """A whole message of Anthropic's as its events."""
    usage = message["usage"]
    head = message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": head}]
    for index, block in enumerate(message["content"]):
        start, deltas = _block_in_pieces(block)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    end |= {name: message[name] for name in ("stop_details",) if name in message}
    output = {"output_tokens": usage["output_tokens"]}
    return [*events, {"type": "message_delta", "delta": end, "usage": output}, {"type": "message_stop"}]


def _block_in_pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kind = block["type"]
    if kind == "thinking":
        half = len(block["thinking"]) // 2
        parts = (block["thinking"][:half], block["thinking"][half:])
        deltas = [{"type": "thinking_delta", "thinking": part} for part in parts]
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            *deltas,
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    if kind == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in block["text"].split("|")]
    if kind == "tool_use":
        text = json.dumps(block["input"])
        parts = (text[:4], text[4:])
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]
    return block, []


def gemini(parts: list[dict[str, Any]], *, finish: str = "STOP", usage: Any = None) -> dict[str, Any]:
    usage = usage or {
        "promptTokenCount": 40,
        "candidatesTokenCount": 15,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 60,
    }
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3-pro", "responseId": "r1"}
