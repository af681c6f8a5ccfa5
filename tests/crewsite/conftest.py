"""One application for all tests that look at it from outside, as whoever operates it does, or stop and start it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.application import Application, free_port

SCRAPER = "a-token-of-the-scraper"


@dataclass
class Watched:
    """The application, with what its operator has: logs, a scraper's token and the worker's own metrics."""

    application: Application
    api: httpx.Client
    worker_metrics: str

    def log(self, name: str) -> str:
        return (self.application.folder / f"{name}.log").read_text()

    def web(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.application.url}{path}", headers=headers, timeout=30)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.api.post(path, json=body)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def watched(open_folder: Path) -> Iterator[Watched]:
    port = free_port()
    environment = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "METRICS_TOKEN": SCRAPER, "METRICS_PORT": str(port)}
    running = Application(open_folder / "watched", **environment)
    with running.api() as api:
        yield Watched(running, api, f"http://127.0.0.1:{port}/metrics")
    assert running.stop() == 0, "".join(running.output)
