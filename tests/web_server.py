"""One web process as production starts it, on the database of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx
from django.db import connection

from tests.application import ROOT, free_port

START_TIMEOUT_S = 60


@contextmanager
def web_server(**environment: str) -> Iterator[str]:
    """The address of a server that runs meanwhile. Its database is that of the tests, so they must commit."""
    port = free_port()
    env = os.environ | {"DATABASE_URL": database_url(), "CREWSITE_PROCESS": "web", "PORT": str(port)} | environment
    process = subprocess.Popen([sys.executable, "-m", "crewsite.serving"], cwd=ROOT, env=env)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/live", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def database_url() -> str:
    found = connection.settings_dict
    user = quote(found["USER"]) + (f":{quote(found['PASSWORD'])}" if found["PASSWORD"] else "")
    return f"postgresql://{user}@{quote(found['HOST'], safe='')}:{found['PORT']}/{found['NAME']}"


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("The web server did not start.")
