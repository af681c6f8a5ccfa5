"""``make up``: the whole application on one machine. PostgreSQL, migrations, web and one worker, and one sign-in link.

It starts everything, prints where it is, and stops everything in order on Ctrl-C or when a part dies.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crewsite import env, stamp
from crewsite.children import STOP_TIMEOUT_S, Child, last_lines
from crewsite.local_env import RUNNING_FILE, data_dir, keep_secrets, own_url, write_private
from crewsite.local_folder import taken
from crewsite.postgres import Postgres
from crewsite.refusal import CannotStart

START_TIMEOUT_S = 120.0
LOOK_EVERY_S = 0.25


class Stopped(Exception):
    """Somebody asked to stop while we were still starting."""


class Application:
    """The parts of one running application. ``stop`` may be called at any moment, and twice."""

    def __init__(self, folder: Path, *, listener: socket.socket) -> None:
        self._folder = folder
        self._listener = listener
        self._postgres: Postgres | None = None
        self._web = Child("web", folder / "web.log")
        self._worker = Child("worker", folder / "worker.log")
        self._ready = Child("make_ready", folder / "make_ready.log")
        self._lifeline, self._held = os.pipe()
        self.stopping = False

    def start(self) -> str:
        """Starts everything; the path of a sign-in link."""
        if not os.environ.get("DATABASE_URL"):
            self._postgres = Postgres(self._folder / "postgres")
            os.environ["DATABASE_URL"] = self._postgres.start()
            if self._postgres.notes:
                _say(self._postgres.notes)
        self._tell_neighbours()
        # A fresh folder holds what the web reads: then it need not wait until the database has been looked at.
        wanted = stamp.of_this_code()
        if fresh := stamp.kept(self._folder) == wanted:
            self._start_web()
        path = self._make_ready(fresh=fresh)
        stamp.keep(self._folder, wanted)
        if not fresh:
            self._start_web()
        self._worker.start(["manage", "worker"], lifeline=self._lifeline)
        self._wait_until(self._web_answers, for_what="The web server")
        return path

    def watch(self) -> None:
        """Returns when somebody asks to stop; raises ``CannotStart`` when a part dies."""
        while not self.stopping:
            self._refuse_dead()
            time.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """Web and worker together: no new launches while runs are given back. The database last."""
        children = (self._web, self._worker, self._ready)
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in children:
            child.wait_until_stopped(deadline=deadline)
        if self._postgres is not None:
            self._postgres.stop()
        (self._folder / RUNNING_FILE).unlink(missing_ok=True)

    def _tell_neighbours(self) -> None:
        """What ``manage.py`` in another terminal needs to reach this application."""
        shared = ("DATABASE_URL", "BROKER_URL", "CREWSITE_LOCAL", "HOST", "PORT")
        write_private(self._folder / RUNNING_FILE, {name: os.environ[name] for name in shared if os.environ.get(name)})

    def _start_web(self) -> None:
        descriptor = self._listener.fileno()
        self._web.start(["crewsite.web", str(descriptor)], lifeline=self._lifeline, pass_fds=[descriptor])
        self._listener.close()

    def _make_ready(self, *, fresh: bool) -> str:
        reading, writing = os.pipe()
        arguments = ["crewsite.make_ready", *(["--fresh"] if fresh else [])]
        self._ready.start(arguments, lifeline=self._lifeline, output=writing)
        os.close(writing)
        self._wait_until(lambda: self._ready.ended is not None, for_what="The preparation of the database")
        with open(reading) as output:
            *notes, path = output.read().splitlines() or [""]
        if self._ready.ended:
            raise _failure("The database and the static files could not be made ready.", self._ready.log)
        for note in notes:
            _say(note)
        return path

    def _web_answers(self) -> bool:
        host, port = env.text("HOST", "127.0.0.1"), env.integer("PORT", 8000, least=1, most=65535)
        try:
            with urllib.request.urlopen(f"{own_url(host, port)}/healthz", timeout=5):  # noqa: S310 - our own address
                return True
        except OSError:
            return False

    def _wait_until(self, done: Callable[[], bool], *, for_what: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not done():
            if self.stopping:
                raise Stopped
            self._refuse_dead()
            if time.monotonic() > deadline:
                raise CannotStart(f"{for_what} took longer than {START_TIMEOUT_S:g} s. The logs are in {self._folder}.")
            time.sleep(0.02)

    def _refuse_dead(self) -> None:
        if self._postgres is not None and self._postgres.died:
            raise _failure("PostgreSQL ended by itself, so everything was stopped.", self._postgres.log)
        for child in (self._web, self._worker):
            if child.ended is not None:
                raise _failure(f"The {child.name} process ended by itself, so everything was stopped.", child.log)


def _failure(what: str, log: Path) -> CannotStart:
    words = last_lines(log)
    if "No space left on device" in words:
        return CannotStart(DISK_FULL)
    return CannotStart(f"{what} Its last lines (all of them: {log}):\n{words}")


DISK_FULL = "The disk is full. Nothing that was kept is lost. Free some space, or set DATA_DIR to another disk."


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """The web's socket, bound before anything is started, so that nobody takes the port meanwhile."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"Port {port} is in use by another program. Stop it, or choose another one: make up PORT={port + 1}"
                ) from error
            raise CannotStart(f"{host}:{port} cannot be listened on: {error.strerror}. Set HOST and PORT.") from error
        yield listener


def up() -> None:
    """Starts, says where, and waits; everything is stopped when it returns or raises."""
    began = time.monotonic()
    folder = data_dir()
    host, port = env.text("HOST", "127.0.0.1"), env.integer("PORT", 8000, least=1, most=65535)
    with taken(folder), listening(host, port) as listener:
        os.environ.update(keep_secrets(folder) | {"CREWSITE_LOCAL": "1", "DATA_DIR": str(folder)})
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        application = Application(folder, listener=listener)

        def ask_to_stop(*_: object) -> None:
            application.stopping = True

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, ask_to_stop)
        try:
            path = application.start()
            _say(f"\nCrewsite is up ({time.monotonic() - began:.1f} s). This link signs you in, once:\n")
            _say(f"    {own_url(host, port)}{path}\n")
            _say("Ctrl-C stops everything. `make signin` prints another link.")
            application.watch()
        finally:
            application.stop()


def main() -> int:
    try:
        up()
    except Stopped:
        pass
    except CannotStart as reason:
        print(f"\n{reason}\n", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"\n{DISK_FULL}\n", file=sys.stderr)
        return 1
    _say("Crewsite is stopped.")
    return 0


def _say(text: str) -> None:
    """Into a closed terminal too: nobody reads it then, and stopping goes on."""
    try:
        print(text, flush=True)
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EPIPE):
            raise


if __name__ == "__main__":
    sys.exit(main())
