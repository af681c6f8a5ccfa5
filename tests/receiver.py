"""Stand-ins on loopback for whoever is told: a webhook's receiver that checks signatures itself, and a mail server."""

from __future__ import annotations

import base64
import email
import hashlib
import hmac
import json
import socketserver
import threading
import time
from dataclasses import dataclass
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def is_signed_with(self, secret: str, *, within_s: float = 60) -> bool:
        """As a receiver checks it by what the documentation says, without our code and without a library."""
        timestamp = self.headers["webhook-timestamp"]
        signed = f"{self.headers['webhook-id']}.{timestamp}.".encode() + self.body
        digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        wanted = f"v1,{base64.b64encode(digest).decode()}"
        return hmac.compare_digest(wanted, self.headers["webhook-signature"]) and _is_recent(timestamp, within_s)

    def is_signed_the_old_way(self, secret: str, *, within_s: float = 60) -> bool:
        """As receivers checked it before Standard Webhooks, and those with a secret from then still do."""
        parts = dict(part.split("=", 1) for part in self.headers["X-Crewsite-Signature"].split(","))
        wanted = hmac.new(secret.encode(), f"{parts['t']}.".encode() + self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, parts["v1"]) and _is_recent(parts["t"], within_s)


def _is_recent(timestamp: str, within_s: float) -> bool:
    return abs(time.time() - int(timestamp)) < within_s


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True


class Receiver:
    """``with Receiver() as receiver``: answers with the next of ``statuses`` (the last one for ever); ``hang`` keeps
    who asks waiting."""

    def __init__(self, *statuses: int, body: str = "Thank you.", location: str = "", hang: bool = False) -> None:
        self._statuses = list(statuses) or [200]
        self._body, self._location = body, location
        self.received: list[Received] = []
        self.go_on = threading.Event()
        if not hang:
            self.go_on.set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner._answer(self)

            do_GET = do_POST  # noqa: N815 - http.server's names

            def log_message(self, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        self.received.append(Received(dict(request.headers), body))
        self.go_on.wait(30)
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        data = self._body.encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        if self._location:
            request.send_header("Location", self._location)
        request.end_headers()
        request.wfile.write(data)

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """A mail server that takes everything: ``mails`` are (recipients, text)."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                owner._talk(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def _talk(self, client: socketserver.StreamRequestHandler) -> None:
        def say(line: str) -> None:
            client.wfile.write(f"{line}\r\n".encode())

        recipients: list[str] = []
        say("220 mail.example ready")
        while line := client.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
            if verb == "DATA":
                say("354 go on")
                text = iter(lambda: client.rfile.readline().decode(), ".\r\n")
                self.mails.append((recipients, "".join(text)))
                recipients = []
            say("221 bye" if verb == "QUIT" else "250 fine")
            if verb == "QUIT":
                return

    def newest_to(self, recipient: str, *, within_s: float = 30) -> str:
        """What the newest mail to an address says, once there is one."""
        until = time.monotonic() + within_s
        while not (texts := [text for recipients, text in list(self.mails) if recipients == [recipient]]):
            assert time.monotonic() < until, f"no mail to {recipient}"
            time.sleep(0.05)
        content: str = email.message_from_string(texts[-1], policy=policy.default).get_content()
        return content

    def __enter__(self) -> MailServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
