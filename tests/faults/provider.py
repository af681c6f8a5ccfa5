"""A provider in a process of its own: OpenAI-compatible, scripted, and with its own bill that no fault of ours touches.

Each request that it bills is one line of JSON in an append-only file, written before the answer leaves. Rules say which
requests meet which fault; what a request is for is read from the mark ``<<run tag/task key>>`` in its messages.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.openai_server import Fault, _send, _send_fault, _send_stream, _words, tool_call

MARK = re.compile(r"<<([\w-]+)/(\w+)>>")
LONGEST_HOLD_S = 90.0


class Provider:
    """``POST /script`` replaces the rules, ``/release`` lets held requests go, ``GET /seen`` tells what it saw."""

    def __init__(self, bill: str, effects: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._bill, self._effects = os.open(bill, flags, 0o600), os.open(effects, flags, 0o600)
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._rules: list[dict[str, Any]] = []
        self._latency_s = 0.0
        self._number = self._in_flight = self._most_in_flight = 0
        self._arrived: Counter[str] = Counter()

    def script(self, order: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._rules, self._latency_s = order.get("rules", []), order.get("latency_s", 0.0)
            self._released.set()
            self._released = threading.Event()
            self._most_in_flight = self._in_flight
            self._arrived.clear()
        return {}

    def release(self, order: dict[str, Any]) -> dict[str, Any]:
        self._released.set()
        return {}

    def seen(self) -> dict[str, Any]:
        with self._lock:
            flight = {"in_flight": self._in_flight, "most_in_flight": self._most_in_flight}
            return {"arrived": self._arrived, **flight}

    def note_effect(self, body: dict[str, Any]) -> dict[str, Any]:
        os.write(self._effects, (json.dumps(body) + "\n").encode())
        rule = self._rule_for(json.dumps(body))
        if rule.get("hold"):
            self._released.wait(LONGEST_HOLD_S)
        return {"done": True}

    def complete(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        mark = _mark(body)
        with self._lock:
            self._arrived["/".join(mark)] += 1
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
        try:
            self._answer(request, body, mark)
        finally:
            with self._lock:
                self._in_flight -= 1

    def _answer(self, request: BaseHTTPRequestHandler, body: dict[str, Any], mark: tuple[str, str]) -> None:
        rule = self._rule_for(json.dumps(body["messages"]))
        if "status" in rule:
            _send_fault(request, Fault(rule["status"], headers=rule.get("headers", {})))
            return
        whole = self._billed(body, mark, rule)
        time.sleep(rule.get("latency_s", self._latency_s))
        if rule.get("hold"):
            self._released.wait(LONGEST_HOLD_S)
        if rule.get("cut"):
            _send_fault(request, Fault(cut=True))
        elif body.get("stream"):
            _send_stream(request, whole, cut_after=rule.get("cut_after"))
        elif rule.get("drip_s"):
            _drip(request, json.dumps(whole), rule["drip_s"])
        else:
            text = json.dumps(whole)
            _send(request, 200, text[: len(text) // 2] if rule.get("truncate") else text, {})

    def _billed(self, body: dict[str, Any], mark: tuple[str, str], rule: dict[str, Any]) -> dict[str, Any]:
        """The whole answer, once its line is on the bill."""
        message: dict[str, Any] = {"role": "assistant", "content": rule.get("text", "Well done.")}
        if "tool" in rule:
            message = tool_call(rule["tool"], rule.get("arguments", {}))
        if "repeat" in rule:
            message["content"] *= rule["repeat"]
        with self._lock:
            self._number += 1
            number = self._number
        prompt, completion = _words(body["messages"]), max(1, _words(message) if "repeat" not in rule else 40)
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        told = rule.get("usage", usage)
        line = {
            "id": f"chatcmpl-{os.getpid()}-{number}",
            "tag": mark[0],
            "task": mark[1],
            "model": body["model"],
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "told": told == usage and "cut_after" not in rule,
            "at": time.time(),
        }
        os.write(self._bill, (json.dumps(line) + "\n").encode())
        finish = "tool_calls" if "tool" in rule else "stop"
        return {
            "id": line["id"],
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": told,
        }

    def _rule_for(self, text: str) -> dict[str, Any]:
        """The first rule whose text is in the request and that is not used up."""
        with self._lock:
            for rule in self._rules:
                if rule.get("has", "") in text and rule.get("unless", "\x00") not in text and rule.get("times", 1) > 0:
                    if "times" in rule:
                        rule["times"] -= 1
                    return rule
        return {}


def _mark(body: dict[str, Any]) -> tuple[str, str]:
    found = MARK.search(json.dumps(body["messages"]))
    return (found[1], found[2]) if found else ("", "")


def _drip(request: BaseHTTPRequestHandler, text: str, pause_s: float) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(text)))
    request.end_headers()
    with suppress(BrokenPipeError, ConnectionResetError):
        for letter in text:
            request.wfile.write(letter.encode())
            request.wfile.flush()
            time.sleep(pause_s)


def handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    posts = {"/script": provider.script, "/release": provider.release, "/effect": provider.note_effect}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path in posts:
                _send(self, 200, json.dumps(posts[self.path](body)), {})
            else:
                provider.complete(self, body)

        def do_GET(self) -> None:
            _send(self, 200, json.dumps(provider.seen()), {})

        def log_message(self, *args: object) -> None:
            pass

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main(port: str, bill: str, effects: str) -> None:
    Server(("127.0.0.1", int(port)), handler_of(Provider(bill, effects))).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
