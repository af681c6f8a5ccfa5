"""Stand-ins on loopback: an OpenAI-compatible server that keeps its own bill and clock, and a search service.

The server counts what it bills by itself, so that a test can hold Crewsite's figures against somebody else's.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], "str | dict[str, Any] | Fault"]
"""From a request's body to the answer's text, a whole assistant message, or a fault."""


@dataclass(frozen=True)
class Fault:
    """An answer that is no completion: a status with a body and headers; ``cut`` closes the connection without one.

    ``body``: "" is an error as OpenAI writes it.
    """

    status: int = 500
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def _error(status: int) -> str:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return f'{{"error": {{"message": "made to fail", "type": "{kind}"}}}}'


@dataclass(frozen=True)
class Billed:
    """One request as the server saw it: when, what for, and what it billed."""

    id: str
    model: str
    began: float
    ended: float
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    body: dict[str, Any]
    authorization: str


class OpenAIServer:
    """``with OpenAIServer(answer) as server``: ``server.url`` is the base URL, ``server.billed`` its log."""

    def __init__(
        self,
        answer: Answer | str = "An answer.",
        *,
        latency_s: float = 0.0,
        cached_tokens: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self._answer: Answer = answer if callable(answer) else lambda body: answer
        self._latency_s = latency_s
        self._cached_tokens = cached_tokens
        self._lock = threading.Lock()
        self.cut_stream_after: int | None = None
        self.billed: list[Billed] = []
        self.requests = 0
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://{host}:{self.port}/v1"

    @property
    def prompt_tokens(self) -> int:
        return sum(one.prompt_tokens for one in self.billed)

    @property
    def completion_tokens(self) -> int:
        return sum(one.completion_tokens for one in self.billed)

    def __enter__(self) -> OpenAIServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner._serve(self, body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler

    def _serve(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        began = time.monotonic()
        with self._lock:
            self.requests += 1
            number = self.requests
        answer = self._answer(body)
        time.sleep(self._latency_s)
        if isinstance(answer, Fault):
            _send_fault(request, answer)
            return
        message = answer if isinstance(answer, dict) else {"role": "assistant", "content": answer}
        prompt, completion = _words(body["messages"]), max(1, _words(message))
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": min(self._cached_tokens, prompt)},
        }
        usage = message.pop("usage", usage)
        whole = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": _finish(message)}],
            "usage": usage,
        }
        with self._lock:
            self.billed.append(
                Billed(
                    id=whole["id"],
                    model=body["model"],
                    began=began,
                    ended=time.monotonic(),
                    prompt_tokens=prompt,
                    completion_tokens=completion,
                    cached_tokens=min(self._cached_tokens, prompt),
                    body=body,
                    authorization=request.headers.get("Authorization", ""),
                )
            )
        if body.get("stream"):
            _send_stream(request, whole, cut_after=self.cut_stream_after)
        else:
            _send(request, 200, json.dumps(whole), {})


class SearchServer:
    """A stand-in for Serper; ``queries`` is what it was asked."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.queries.append(body["q"])
                found = {"organic": [{"title": "A result", "link": "https://example.com", "snippet": "About it."}]}
                _send(self, 200, json.dumps(found), {})

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> SearchServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def tool_call(name: str, arguments: dict[str, Any] | str, *, call_id: str = "call_1") -> dict[str, Any]:
    """An assistant message that calls one tool."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def overlap(first: Billed, second: Billed) -> bool:
    """Whether two requests were open at the same moment, by the server's own clock."""
    return first.began < second.ended and second.began < first.ended


def _finish(message: dict[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


def _words(value: Any) -> int:
    return len(json.dumps(value).split())


def _send(request: BaseHTTPRequestHandler, status: int, text: str | bytes, headers: dict[str, str]) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    request.send_response(status)
    for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(data))} | headers).items():
        request.send_header(name, value)
    request.end_headers()
    with suppress(
        BrokenPipeError, ConnectionResetError
    ):  # who asked may have given up, which is what some tests are about
        request.wfile.write(data)


def _send_stream(request: BaseHTTPRequestHandler, whole: dict[str, Any], *, cut_after: int | None) -> None:
    """The answer as server-sent chunks of a few letters; ``cut_after`` so many of them the connection is closed."""
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": whole["created"], "model": whole["model"]}
    message, finish = whole["choices"][0]["message"], whole["choices"][0]["finish_reason"]
    text = message.get("content") or ""
    deltas: list[dict[str, Any]] = [{"content": text[at : at + 4]} for at in range(0, len(text), 4)]
    for index, call in enumerate(message.get("tool_calls") or ()):
        given = call["function"]["arguments"]
        name = {"name": call["function"]["name"], "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": name}]})
        for at in range(0, len(given), 5):
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": given[at : at + 5]}}]})
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if whole["usage"] is not None:
        chunks.append({**head, "choices": [], "usage": whole["usage"]})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.send_header("Connection", "close")
    request.end_headers()
    with suppress(BrokenPipeError, ConnectionResetError):
        for line in lines[:cut_after]:
            request.wfile.write(line.encode())
            request.wfile.flush()
    request.close_connection = True


def _send_fault(request: BaseHTTPRequestHandler, fault: Fault) -> None:
    if fault.cut:
        request.close_connection = True
        request.connection.close()
    else:
        _send(request, fault.status, fault.body or _error(fault.status), fault.headers)
