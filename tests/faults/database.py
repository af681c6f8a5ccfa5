"""The fault tests' PostgreSQL, which can be crashed and started again on its port, and a way to it that can be cut."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from crewsite.local.postgres import Postgres
from tests.application import free_port
from tests.faults.processes import until

CHUNK = 65536
COMMIT = b"COMMIT"
Rule = Callable[[bytes], str]
"""From what a client sends to ``""``, ``before`` or ``after``: whether its connection is cut, and on which side."""


class Server:
    """With PostgreSQL's real settings for durability."""

    def __init__(self, folder: Path) -> None:
        self._postgres = Postgres(folder, settings={"max_connections": "150"})
        self._port = free_port()
        self.url = ""

    def start(self) -> None:
        with patch("crewsite.local.postgres._free_port", lambda: self._port):
            self.url = self._postgres.start()

    def crash(self) -> None:
        """An immediate shutdown: what was not committed is gone, what was is recovered at the next start."""
        server = self._postgres._server
        assert server is not None
        os.kill(server.pid, signal.SIGQUIT)
        until(lambda: self._postgres.died, timeout_s=30, what="PostgreSQL did not stop")

    def stop(self) -> None:
        self._postgres.stop()


class Wire:
    """A relay to the database that cuts connections as ``rule`` says; ``cuts`` counts them."""

    def __init__(self, url: str) -> None:
        host = url.rpartition("@")[2].partition("/")[0]
        self._there = ("127.0.0.1", int(host.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(host, f"127.0.0.1:{self._listener.getsockname()[1]}")
        self.mend()
        threading.Thread(target=self._accept, daemon=True).start()

    def mend(self) -> None:
        """Cuts nothing from now on."""
        self.cuts = 0
        self.rule: Rule = lambda sent: ""

    def cut(self, side: str, *, number: int) -> None:
        """Cuts the connection that sends the so-manieth COMMIT from now on, before it gets there or after."""
        left, lock = [number], threading.Lock()

        def rule(sent: bytes) -> str:
            if COMMIT not in sent:
                return ""
            with lock:
                left[0] -= 1
                return side if left[0] == 0 else ""

        self.cuts, self.rule = 0, rule

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._there)
                except OSError:
                    client.close()
                    continue
                threading.Thread(target=self._forth, args=(client, server), daemon=True).start()
                threading.Thread(target=self._back, args=(client, server), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while sent := client.recv(CHUNK):
                side = self.rule(sent)
                if side:
                    self.cuts += 1
                    _end(client)
                if side == "before":
                    break
                server.sendall(sent)
                if side == "after":
                    # The server gets no further word, and ends what it was told: a connection that is lost, not closed.
                    server.settimeout(2)
                    server.recv(CHUNK)
                    break
        _end(client, server)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while answered := server.recv(CHUNK):
                client.sendall(answered)
        _end(client, server)


def _end(*connections: socket.socket) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
