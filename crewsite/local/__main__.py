"""``make up``: the whole application on one machine. PostgreSQL, migrations, web and one worker, and one sign-in link.

It starts everything, prints where it is, and stops everything in order on Ctrl-C or when a part dies.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from crewsite import env
from crewsite.local.environment import RUNNING_FILE, data_dir, keep_secrets, write_private
from crewsite.local.postgres import Postgres
from crewsite.local.postgres_account import PostgresFailed

BASE_DIR = Path(__file__).resolve().parents[2]
LEAST_FREE_BYTES = 200_000_000
WEB_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
UNUSED_STATIC = ["redoc*", "*-4.js", "*-4.min.js", "ht*-4*"]


class CannotStart(Exception):
    """Why the application does not start, and what to do about it."""


class Application:
    """The processes of one running application, in the order in which they were started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres: Postgres | None = None
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = threading.Event()

    def start(self) -> str:
        """Starts everything; the address of the sign-in link."""
        host, port = env.text("HOST", "127.0.0.1"), int(env.number("PORT", 8000, least=1, most=65535))
        refuse_used_port(host, port)
        os.environ.update(keep_secrets(self._folder))
        os.environ.update(
            {"CREWSITE_LOCAL": "1", "DJANGO_SETTINGS_MODULE": "crewsite.settings", "DATA_DIR": str(self._folder)}
        )
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        os.environ.setdefault("SHUTDOWN_GRACE_S", "8")  # somebody sits there, having pressed Ctrl-C
        if not os.environ.get("DATABASE_URL"):
            self._postgres = Postgres(self._folder / "postgres")
            os.environ["DATABASE_URL"] = self._postgres.start()
        shared = ("DATABASE_URL", "BROKER_URL", "CREWSITE_LOCAL", "HOST", "PORT")
        running = {name: os.environ[name] for name in shared if os.environ.get(name)}
        write_private(self._folder / RUNNING_FILE, running)
        prepare(self._folder)
        self._spawn("web", _web_command(host, port))
        self._spawn("worker", _worker_command())
        path = _signin_path()
        self._wait_for_web(host, port)
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}{path}"  # noqa: S104

    def watch(self) -> str:
        """Waits until somebody asks to stop, or a part dies; what died, or ""."""
        while not self.stopping.wait(0.3):
            if self._postgres is not None and self._postgres.died:
                return "PostgreSQL"
            for name, child in self._children.items():
                if child.poll() is not None:
                    return name
        return ""

    def stop(self) -> None:
        """The worker first, so that it can give its runs back, then the web, then the database."""
        for name in ("worker", "web"):
            child = self._children.pop(name, None)
            if child is not None and child.poll() is None:
                child.terminate()
                try:
                    child.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        if self._postgres is not None:
            self._postgres.stop()
        (self._folder / RUNNING_FILE).unlink(missing_ok=True)

    def last_words(self, name: str) -> str:
        """The last lines of a part's log."""
        log = self._folder / (f"{name}.log" if name in ("web", "worker") else "postgres/postgres.log")
        return "\n".join(log.read_text(errors="replace").splitlines()[-8:])

    def _spawn(self, name: str, command: list[str]) -> None:
        path = self._folder / f"{name}.log"
        if path.is_file():
            path.replace(path.with_suffix(".log.1"))  # what it said before it ended is often what is asked for
        with path.open("wb") as log:
            self._children[name] = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=os.environ | {"CREWSITE_PROCESS": name},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop them in order
            )

    def _wait_for_web(self, host: str, port: int) -> None:
        url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/signin/"  # noqa: S104
        deadline = time.monotonic() + WEB_TIMEOUT_S
        while time.monotonic() < deadline and not self.stopping.is_set():
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise CannotStart(f"The {name} ended at once. Its last words:\n{self.last_words(name)}")
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        if self.stopping.is_set():
            return
        raise CannotStart(f"The web server did not answer within {WEB_TIMEOUT_S:g} s:\n{self.last_words('web')}")


def prepare(folder: Path) -> None:
    """Brings database, prices, templates and static files up to date, unless nothing changed since the last time."""
    stamp, wanted = folder / "prepared", _fingerprint()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("Preparing the database and the pages ...", flush=True)  # noqa: T201
    call_command = _django()
    call_command("prepare", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED_STATIC)
    stamp.write_text(wanted)


def refuse_used_port(host: str, port: int) -> None:
    """Raises ``CannotStart`` if somebody listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"Port {port} is in use by another program. Stop it, or choose another: PORT={port + 1} make up"
                ) from error
            raise CannotStart(f"{host}:{port} cannot be listened on: {error.strerror}. Set HOST and PORT.") from error


def take_lock(folder: Path) -> IO[str]:
    """The folder for this process alone, until the file is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise CannotStart(f"The data folder {folder} cannot be written: {error.strerror}. Set DATA_DIR.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            f"Crewsite already runs on the data folder {folder}. Use that one (make signin prints a link), stop it, or "
            "start a second one with its own DATA_DIR and PORT."
        ) from None
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"Only {free // 1_000_000} MB are free on the disk of {folder}; Crewsite needs 200 MB to start safely. "
            "Nothing was changed. Free some space, or set DATA_DIR to another disk."
        )
    return lock


def _web_command(host: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "uvicorn", "crewsite.asgi:application", "--host", host, "--port", str(port)]
    return [*command, "--timeout-graceful-shutdown", "2", "--log-level", "warning", "--lifespan", "off"]


def _worker_command() -> list[str]:
    return [sys.executable, "manage.py", "worker"]


def _fingerprint() -> str:
    """Changes with whatever ``prepare`` reads: code, templates, static files, pinned packages, the database's
    address.
    """
    digest = hashlib.sha256(os.environ["DATABASE_URL"].split("@")[-1].split(":")[0].encode())
    roots = [BASE_DIR / part for part in ("teams", "agents_app", "runs", "static", "crewsite")]
    files = [path for root in roots for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files += [BASE_DIR / name for name in ("requirements.txt", "package-lock.json")]
    for path in sorted(files):
        stat = path.stat()
        digest.update(f"{path.relative_to(BASE_DIR)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    digest.update(b"data" if (data_dir() / "postgres" / "data").is_dir() else b"elsewhere")
    return digest.hexdigest()


def _signin_path() -> str:
    path: str = _django()("signin_link", absolute=False, stdout=_Quiet())
    return path


def _django() -> Callable[..., Any]:
    """Django's ``call_command``, set up only now: a start that is refused has loaded nothing."""
    import django

    django.setup()
    from django.core.management import call_command

    return call_command


class _Quiet:
    """The link's path is returned; it is not to be printed twice."""

    def write(self, text: str) -> int:
        return len(text)


def main() -> int:
    folder = data_dir()
    began = time.monotonic()
    application = Application(folder)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: application.stopping.set())
    try:
        lock = take_lock(folder)
    except CannotStart as reason:
        return _refuse(f"Crewsite did not start: {reason}")
    try:
        link = application.start()
        print(f"\nCrewsite is up ({time.monotonic() - began:.1f} s). Sign in once with this link:\n\n    {link}\n")  # noqa: T201
        print("Ctrl-C stops everything. 'make signin' prints another link.", flush=True)  # noqa: T201
        died = application.watch()
        if died:
            return _refuse(f"The {died} ended by itself, so all was stopped.\n{application.last_words(died)}")
    except (CannotStart, PostgresFailed, env.BadEnvironment) as reason:
        return _refuse(f"Crewsite did not start: {reason}")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _refuse("The disk is full. Nothing that was kept is lost; free some space and start again.")
        raise
    finally:
        application.stop()
        lock.close()
    print("Crewsite is stopped.")  # noqa: T201
    return 0


def _refuse(message: str) -> int:
    print(f"\n{message}\n", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
