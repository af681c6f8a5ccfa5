"""``make up`` from outside: one link that works once, refusals that say what to do, and nothing left behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from crewsite.local.postgres import Postgres
from tests.application import ROOT, Application


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


def test_it_starts_serves_refuses_a_second_start_and_stops_without_leaving_anything(folder: Path) -> None:
    running = Application(folder)
    children = psutil.Process(running.process.pid).children(recursive=True)
    try:
        with httpx.Client(follow_redirects=True) as client:
            home = client.get(running.link)
            assert home.status_code == 200
            assert "Crews" in home.text
        assert httpx.get(running.link).status_code == 410
        assert httpx.get(f"{running.url}/t/my-team/crews/").headers["location"].startswith("/signin/")

        second = start_again(running, PORT=str(running.port + 1))
        assert second.returncode == 1
        assert "already runs on the data folder" in second.stderr
        elsewhere = start_again(running, DATA_DIR=str(folder.parent / "other"))
        assert elsewhere.returncode == 1
        assert f"Port {running.port} is in use" in elsewhere.stderr
        assert "Traceback" not in second.stderr + elsewhere.stderr
        assert len(children) >= 3
    finally:
        code = running.stop()
    assert code == 0
    assert psutil.wait_procs(children, timeout=5)[1] == []

    again = Application(folder)
    assert again.stop() == 0
    assert "Preparing" not in "".join(again.output)


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
