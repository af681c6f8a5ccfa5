"""The web server as it is started everywhere, on the tests' own database, in a process that cannot fill a disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from tests.application import ROOT, free_port
from tests.crewsite.serving.clients import Server

MAX_FILE_BLOCKS = 60_000
"""Of 512 bytes: 30 MB. More than the largest upload, less than the attacks send."""
PATIENCE_S = 2


@pytest.fixture(scope="session")
def start(django_db_setup: None) -> Iterator[Callable[..., Server]]:
    """Starts a web process with these settings; all are stopped in the end."""
    processes = []

    def one(**settings: str) -> Server:
        port = free_port()
        named = connection.settings_dict
        url = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{named['NAME']}"
        patience = {"REQUEST_PATIENCE_S": str(PATIENCE_S), "KEEP_ALIVE_S": "5"}
        environment = os.environ | {"DATABASE_URL": url, "PORT": str(port), "CREWSITE_PROCESS": "web"} | patience
        process = subprocess.Popen(
            ["sh", "-c", f'ulimit -f {MAX_FILE_BLOCKS} && exec "$0" -m crewsite.serving', sys.executable],
            cwd=ROOT,
            env=environment | settings,
        )
        processes.append(process)
        server = Server(port)
        deadline = time.monotonic() + 60
        while not server.listens() and time.monotonic() < deadline:
            assert process.poll() is None, "the web process ended at once"
            time.sleep(0.05)
        return server

    yield one
    for process in processes:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def web(start: Callable[..., Server]) -> Server:
    return start()
