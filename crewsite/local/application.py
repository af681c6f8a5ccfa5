"""The processes of one running application, PostgreSQL, web and worker: started, watched and stopped in order."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from crewsite import env
from crewsite.local.bounded_logs import earlier, keep_small
from crewsite.local.environment import RUNNING_FILE, keep_secrets, write_private
from crewsite.local.postgres import Postgres
from crewsite.local.preconditions import CannotStart, refuse_used_port
from crewsite.local.preparation import BASE_DIR, new_signin_path, prepare
from crewsite.local.restarts import Restarts

WEB_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
SHARED_SETTINGS = ("DATABASE_URL", "BROKER_URL", "CREWSITE_LOCAL", "HOST", "PORT")
"""What ``manage.py`` beside the running application needs to reach it."""


class Application:
    """The processes of one running application, in the order in which they were started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres: Postgres | None = None
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, list[str]] = {}
        self._restarts = Restarts()
        self.stopping = threading.Event()

    def start(self) -> str:
        """Starts everything; returns the address of the sign-in link. Raises ``CannotStart`` or ``PostgresFailed``."""
        host, port = env.text("HOST", "127.0.0.1"), int(env.number("PORT", 8000, least=1, most=65535))
        refuse_used_port(host, port)
        self._set_environment()
        prepare(self._folder)
        self._spawn("web", [sys.executable, "-m", "crewsite.serving"])
        self._spawn("worker", _worker_command())
        path = new_signin_path()
        address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
        self._wait_for_web(f"{address}/signin/")
        return f"{address}{path}"

    def watch(self) -> str:
        """Waits until somebody asks to stop, or PostgreSQL ends, or another process has ended by itself too often.

        Returns the name of the one that ended, or "". Until then web and worker are started again.
        """
        while not self.stopping.wait(0.3):
            keep_small(self._log(name) for name in ("web", "worker", "PostgreSQL"))
            if self._postgres is not None and self._postgres.died:
                return "PostgreSQL"
            for name, child in list(self._children.items()):
                if child.poll() is not None and not self._start_again(name, child.returncode):
                    return name
        return ""

    def _start_again(self, name: str, code: int) -> bool:
        """Starts a process that ended by itself, once its pause is over. False if it has ended too often."""
        due_at = self._restarts.ended(name)
        if due_at is not None and time.monotonic() >= due_at:
            print(f"The {name} ended by itself (code {code}) and is started again.", file=sys.stderr, flush=True)  # noqa: T201
            self._spawn(name, self._commands[name])
        return due_at is not None

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
        """The last lines of a process's log."""
        return "\n".join(self._log(name).read_text(errors="replace").splitlines()[-8:])

    def _log(self, name: str) -> Path:
        return self._folder / (f"{name}.log" if name in ("web", "worker") else "postgres/postgres.log")

    def _set_environment(self) -> None:
        """Sets the environment that all processes inherit, and starts PostgreSQL unless DATABASE_URL names another."""
        os.environ.update(keep_secrets(self._folder))
        os.environ.update(
            {"CREWSITE_LOCAL": "1", "DJANGO_SETTINGS_MODULE": "crewsite.settings", "DATA_DIR": str(self._folder)}
        )
        os.environ.setdefault("WEB_PROCESSES", "2")
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        os.environ.setdefault("SHUTDOWN_GRACE_S", "8")  # somebody sits there, having pressed Ctrl-C
        if not os.environ.get("DATABASE_URL"):
            self._postgres = Postgres(self._folder / "postgres")
            os.environ["DATABASE_URL"] = self._postgres.start()
        running = {name: os.environ[name] for name in SHARED_SETTINGS if os.environ.get(name)}
        write_private(self._folder / RUNNING_FILE, running)

    def _spawn(self, name: str, command: list[str]) -> None:
        self._commands[name] = command
        self._restarts.began(name)
        path = self._log(name)
        if path.is_file():
            path.replace(earlier(path))  # its last lines often say why the process ended
        with path.open("ab") as log:
            self._children[name] = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=os.environ | {"CREWSITE_PROCESS": name},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the launcher alone, which stops the others in order
            )

    def _wait_for_web(self, url: str) -> None:
        deadline = time.monotonic() + WEB_TIMEOUT_S
        while time.monotonic() < deadline and not self.stopping.is_set():
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise CannotStart(f"The {name} ended at once. Its last words:\n{self.last_words(name)}")
            try:
                with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
                    return
            except OSError:
                time.sleep(0.05)
        if self.stopping.is_set():
            return
        raise CannotStart(f"The web server did not answer within {WEB_TIMEOUT_S:g} s:\n{self.last_words('web')}")


def _worker_command() -> list[str]:
    return [sys.executable, "manage.py", "worker"]
