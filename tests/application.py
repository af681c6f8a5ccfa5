"""The whole application as ``make up`` starts it, in a data folder and on a port of its own, for tests to use from
outside.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parents[1]
OURS = (
    "DATABASE_URL",
    "BROKER_URL",
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "DATA_DIR",
    "PORT",
    "HOST",
    "DJANGO_SETTINGS_MODULE",
)
START_TIMEOUT_S = 300.0


class Application:
    """``url`` is where it is, ``link`` signs its owner in once. ``output`` is what it printed so far."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if name not in OURS} | {
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "PLAIN_STATIC": "1",
            "SIMULATED_PACE": "0.02",
            **environment,
        }
        self.start()

    def start(self) -> None:
        """Also after it was stopped: on the same data, with a new ``link`` and ``output``."""
        self.output: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crewsite.local"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.link = self._wait_for_link()

    def manage(self, *arguments: str) -> str:
        """What ``manage.py`` prints beside the running application."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    @cached_property
    def token(self) -> str:
        """One for all who ask: ``manage.py`` takes seconds to make one."""
        return self.manage("api_token")

    def api(self) -> httpx.Client:
        """The JSON API as its owner uses it."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows straight from the database."""
        url = json.loads((self.folder / "running.json").read_text())["DATABASE_URL"]
        with psycopg.connect(url) as connection:
            return connection.execute(query, parameters).fetchall()  # type: ignore[arg-type]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Asks it to stop as Ctrl-C does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            self._lines.put(line)

    def _wait_for_link(self) -> str:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.2).strip()
            except queue.Empty:
                if self.process.poll() is not None:
                    break
                continue
            if line.startswith(self.url):
                return line
        self.process.kill()
        raise AssertionError(f"It did not start:\n{''.join(self.output)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def chromium() -> str | None:
    """This machine's Chromium; None lets Playwright use its own."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)
