"""A stand-in on loopback that answers in the shape of whichever provider's address it is asked at.

It says nothing of usage for models with ``llama`` in their names, so that whoever wants figures has to count.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = "Hello there"
JSON, EVENTS, LINES = "application/json", "text/event-stream", "application/x-ndjson"
Answer = tuple[str, str]
"""The body and its kind of content."""


class FamiliesServer:
    """``with FamiliesServer() as server``: ``server.url`` ends without a slash, ``server.asked`` are the paths."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                owner.asked.append(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.loads(raw) if raw.startswith(b"{") else {}
                text, kind = answer(self.path, body)
                data = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(data)

            do_GET = do_POST  # noqa: N815 - the name that the server looks for

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FamiliesServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(path: str, body: dict[str, Any]) -> Answer:
    model = f"{body.get('model', '')}{path}".lower()
    says_usage, streams = "llama" not in model, bool(body.get("stream")) or "stream" in path.lower()
    for part, shape in SHAPES.items():
        if part in path:
            return shape(says_usage, streams)
    return openai(says_usage, streams)


def openai(says_usage: bool, streams: bool) -> Answer:
    message = {"role": "assistant", "content": TEXT}
    head: dict[str, Any] = {"id": "c", "created": 1, "model": "x", "service_tier": "default"}
    if says_usage:
        head["usage"] = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    if not streams:
        return json.dumps(head | {"object": "chat.completion", "choices": [choice(message=message)]}), JSON
    return events(head | {"object": "chat.completion.chunk", "choices": [choice(delta=message)]}) + DONE, EVENTS


def openai_text(says_usage: bool, streams: bool) -> Answer:
    head: dict[str, Any] = {"id": "c", "created": 1, "model": "x", "object": "text_completion"}
    if says_usage:
        head["usage"] = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    whole = head | {"choices": [choice(text=TEXT)]}
    return (events(whole) + DONE, EVENTS) if streams else (json.dumps(whole), JSON)


def anthropic(says_usage: bool, streams: bool) -> Answer:
    usage = {"input_tokens": 3, "output_tokens": 2} if says_usage else {}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "x", "stop_reason": None, "usage": usage}
    text = {"type": "text", "text": TEXT}
    if not streams:
        return json.dumps(message | {"content": [text], "stop_reason": "end_turn"}), JSON
    return events(
        {"type": "message_start", "message": message | {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
        {"type": "message_stop"},
    ), EVENTS


def gemini(says_usage: bool, streams: bool) -> Answer:
    content = {"role": "model", "parts": [{"text": TEXT}]}
    whole: dict[str, Any] = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]}
    tokens = (3, 2) if says_usage else (0, 0)
    names = ("promptTokenCount", "candidatesTokenCount")
    whole["usageMetadata"] = dict(zip(names, tokens, strict=True)) | {"totalTokenCount": sum(tokens)}
    return (events(whole), EVENTS) if streams else (json.dumps(whole), JSON)


def ollama_chat(says_usage: bool, streams: bool) -> Answer:
    return _ollama({"message": {"role": "assistant", "content": TEXT}}, says_usage, streams)


def ollama(says_usage: bool, streams: bool) -> Answer:
    return _ollama({"response": TEXT}, says_usage, streams)


def _ollama(said: dict[str, Any], says_usage: bool, streams: bool) -> Answer:
    whole = said | {"model": "x", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop"}
    if says_usage:
        whole |= {"prompt_eval_count": 3, "eval_count": 2}
    return json.dumps(whole) + "\n", LINES if streams else JSON


def cohere(says_usage: bool, streams: bool) -> Answer:
    usage = {"usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}}} if says_usage else {}
    content = {"type": "text", "text": TEXT}
    if not streams:
        whole = {"id": "a", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": [content]}}
        return json.dumps(whole | usage), JSON
    return events(
        {"type": "message-start", "id": "a"},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": TEXT}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"} | usage},
    ), EVENTS


def bedrock(says_usage: bool, streams: bool) -> Answer:
    """Whole replies; streams of it are binary."""
    message = {"role": "assistant", "content": [{"text": TEXT}]}
    tokens = (3, 2) if says_usage else (0, 0)
    usage = dict(zip(("inputTokens", "outputTokens"), tokens, strict=True)) | {"totalTokens": sum(tokens)}
    return json.dumps({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}), JSON


SHAPES = {
    "/v1/messages": anthropic,
    "enerateContent": gemini,
    "/api/chat": ollama_chat,
    "/api/generate": ollama,
    "/v2/chat": cohere,
    "/converse": bedrock,
    "/v1/completions": openai_text,
}
"""By a part of the path; all others speak as OpenAI does."""
DONE = "data: [DONE]\n\n"


def choice(**said: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": "stop", **said}


def events(*data: dict[str, Any]) -> str:
    return "".join(f"event: {one.get('type', 'message')}\ndata: {json.dumps(one)}\n\n" for one in data)
