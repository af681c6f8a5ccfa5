"""``make up`` from outside: one link that works once, refusals that say what to do, and nothing left behind."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest

from crewsite.local.postgres import Postgres
from crewsite.local.restarts import MOST_IN_A_ROW, Restarts
from tests.application import ROOT, Application
from tests.crewsite.conftest import Watched

T = TypeVar("T")


@pytest.fixture
def folder(open_folder: Path, tmp_path: Path) -> Path:
    return open_folder / tmp_path.name


def start_again(running: Application, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crewsite.local"],
        cwd=ROOT,
        env=running.environment | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_stops_without_leaving_anything_and_starts_serves_and_refuses_a_second_start(watched: Watched) -> None:
    running = watched.application
    assert "Preparing" in "".join(running.output)
    children = psutil.Process(running.process.pid).children(recursive=True)
    assert len(children) >= 3
    assert running.stop() == 0
    assert psutil.wait_procs(children, timeout=5)[1] == []

    running.start()
    assert "Preparing" not in "".join(running.output)
    with httpx.Client(follow_redirects=True) as client:
        home = client.get(running.link)
        assert home.status_code == 200
        assert "Crews" in home.text
    assert httpx.get(running.link).status_code == 410
    assert httpx.get(f"{running.url}/t/my-team/crews/").headers["location"].startswith("/signin/")

    second = start_again(running, PORT=str(running.port + 1))
    assert second.returncode == 1
    assert "already runs on the data folder" in second.stderr
    elsewhere = start_again(running, DATA_DIR=str(running.folder.parent / "other"))
    assert elsewhere.returncode == 1
    assert f"Port {running.port} is in use" in elsewhere.stderr
    assert "Traceback" not in second.stderr + elsewhere.stderr


def test_a_process_that_ends_by_itself_is_started_again(watched: Watched) -> None:
    running = watched.application
    for name in ("manage.py worker", "crewsite.serving"):
        first = child(running, name)
        first.kill()
        until(lambda: first.pid != child(running, name).pid)  # noqa: B023 - it is called within the loop
    until(lambda: answers(f"{running.url}/health/live"))
    until(lambda: sum("ended by itself (code -9) and is started again." in line for line in running.output) == 2)


def child(running: Application, name: str) -> psutil.Process:
    """The youngest of the processes that it started whose command has the name."""

    def found() -> psutil.Process | None:
        children = psutil.Process(running.process.pid).children()
        named = [each for each in children if name in " ".join(_command(each))]
        return max(named, key=lambda each: each.create_time(), default=None)

    return until(found)


def _command(process: psutil.Process) -> list[str]:
    """[] once it has ended."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def until(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_pauses_before_a_restart_double_and_one_that_ends_again_and_again_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("crewsite.local.restarts.time.monotonic", lambda: now[0])
    restarts = Restarts()
    pauses = []
    for lived_s in (61, 1, 1, 61, 1):
        restarts.began("worker")
        now[0] += lived_s
        due_at = restarts.ended("worker")
        assert due_at is not None
        assert restarts.ended("worker") == due_at
        pauses.append(due_at - now[0])
    assert pauses == [1, 2, 4, 1, 2]
    for _ in range(MOST_IN_A_ROW - 2):
        restarts.began("worker")
        assert restarts.ended("worker") is not None
    restarts.began("worker")
    assert restarts.ended("worker") is None
    restarts.began("web")
    assert restarts.ended("web") is not None


def test_data_is_kept_beside_manage_py_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    from crewsite.local.environment import data_dir

    monkeypatch.delenv("DATA_DIR", raising=False)
    assert data_dir() == ROOT / ".crewsite"
    monkeypatch.setenv("DATA_DIR", "elsewhere")
    assert data_dir() == ROOT / "elsewhere"


def test_secrets_are_kept_for_their_owner_only(folder: Path) -> None:
    from crewsite.local.environment import keep_secrets

    folder.mkdir()
    first = keep_secrets(folder)
    assert keep_secrets(folder) == first
    assert (folder / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_port_in_use_is_said_before_anything_is_started(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        environment = {"DATA_DIR": str(folder), "PORT": str(other.getsockname()[1]), "PATH": "/usr/bin:/bin"}
        refused = subprocess.run(
            [sys.executable, "-m", "crewsite.local"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 1
    assert "is in use by another program" in refused.stderr
    assert not (folder / "postgres").exists()


def test_postgres_keeps_its_data_over_a_restart_and_after_a_kill(folder: Path) -> None:
    import psycopg

    first = Postgres(folder)
    with psycopg.connect(first.start(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
        assert version.startswith("18")
    # The launcher dies, its server lives on: the next start must find and end it.
    second = Postgres(folder)
    with psycopg.connect(second.start()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    second.stop()
    assert second.died
