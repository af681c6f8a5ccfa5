"""The whole installation as processes of their own: embedded PostgreSQL, web, workers, Redis where it is the broker.

Everything is as ``make up`` starts it; nothing of PostgreSQL's durability is turned off.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
from cryptography.fernet import Fernet

from crewsite.local.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 40.0
OURS = "bench"
"""The ``application_name`` of the benchmark's own connections."""


class Installation:
    """``with Installation(folder) as installation``: PostgreSQL and Django in this process; the rest on demand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres = Postgres(folder / "postgres")
        self._web: subprocess.Popen[bytes] | None = None
        self._redis: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self.web_port = free_port()

    def __enter__(self) -> Self:
        self.database_url = self._postgres.start()
        self._environment = {name: value for name, value in os.environ.items() if name != "BROKER_URL"} | {
            "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "crewsite.settings",
            "DATA_DIR": str(self._folder),
            "SECRET_KEY": "bench" * 10,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "CREWSITE_LOCAL": "1",
            "PLAIN_STATIC": "1",
            "MALLOC_ARENA_MAX": "2",
            "SHUTDOWN_GRACE_S": "8",
            "PORT": str(self.web_port),
        }
        own = {"DATABASE_URL": f"{self.database_url}?application_name={OURS}", "LOG_LEVEL": "ERROR"}
        os.environ |= self._environment | own | {"BROKER_URL": self.pgmq_url}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("prepare", verbosity=0)
        return self

    def __exit__(self, *exception: object) -> None:
        from django.db import connection

        self.stop_workers()
        self.stop_web()
        if self._redis is not None:
            self._redis.terminate()
            self._redis.wait(STOP_TIMEOUT_S)
        connection.close()
        self._postgres.stop()

    @property
    def pgmq_url(self) -> str:
        return "pgmq://" + self.database_url.split("://", 1)[1]

    def start_redis(self) -> str | None:
        """Its broker URL; None where Redis is not installed."""
        if (binary := shutil.which("redis-server")) is None:
            return None
        port = free_port()
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._redis = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_for_port(port)
        return f"redis://127.0.0.1:{port}/0"

    def start_web(self, broker_url: str, *, processes: int = 1) -> None:
        command = [sys.executable, "-m", "crewsite.serving"]
        settings = {"HOST": "127.0.0.1", "PORT": str(self.web_port), "WEB_PROCESSES": str(processes)}
        self._web = self._spawn("web", command, BROKER_URL=broker_url, **settings)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/signin/", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"The web process did not answer:\n{self.last_words('web')}")

    def start_workers(self, broker_url: str, *, count: int, concurrency: int) -> None:
        command = [sys.executable, "manage.py", "worker"]
        for number in range(count):
            one = self._spawn(f"worker{number}", command, BROKER_URL=broker_url, WORKER_CONCURRENCY=str(concurrency))
            self._workers.append(one)

    def stop_web(self) -> None:
        if self._web is not None:
            stop([self._web])
            self._web = None

    def stop_workers(self) -> None:
        stop(self._workers)
        self._workers = []

    @property
    def workers(self) -> list[psutil.Process]:
        return [psutil.Process(one.pid) for one in self._workers]

    @property
    def web(self) -> psutil.Process:
        assert self._web is not None
        return psutil.Process(self._web.pid)

    @property
    def postgres(self) -> psutil.Process:
        pid_file = next((self._folder / "postgres").rglob("postmaster.pid"))
        return psutil.Process(int(pid_file.read_text().split()[0]))

    def last_words(self, name: str) -> str:
        return "\n".join((self._folder / f"{name}.log").read_text(errors="replace").splitlines()[-20:])

    def _spawn(self, name: str, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment | {"CREWSITE_PROCESS": name.rstrip("0123456789")} | environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for one in processes:
        one.terminate()
    for one in processes:
        try:
            one.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()


def cpu_s(process: psutil.Process) -> float:
    """User and system time of a process and its children that still live."""
    spent = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            times = one.cpu_times()
            spent += times.user + times.system
    return spent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"Nobody listens on port {port}.")
