"""A real process of a fault test: killed, stopped, continued and waited for by its own id."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.faults.nursery import ROOT, Nursery

T = TypeVar("T")


class Process:
    """``log`` is all that it printed."""

    def __init__(
        self, nursery: Nursery, command: list[str], environment: dict[str, str], *, log: Path, folder: Path = ROOT
    ) -> None:
        self._nursery = nursery
        self.command = command
        self.environment = environment
        self.log = log
        self.pid = nursery.start(command, environment, log=log, folder=folder)

    @property
    def exit_code(self) -> int | None:
        return self._nursery.exit_code(self.pid)

    @property
    def alive(self) -> bool:
        return self.exit_code is None

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9; returns once it is gone."""
        self.signal(signal.SIGKILL)
        self.wait(timeout_s=20)

    def kill_group(self) -> None:
        """Also what it started itself."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait(timeout_s=20)

    def terminate(self, *, timeout_s: float = 30) -> int:
        """Asks it to stop; its exit code. One that does not stop in time is killed, and the test fails."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout_s=timeout_s)
        except AssertionError:
            self.kill()
            raise

    def wait(self, *, timeout_s: float) -> int:
        return until(lambda: self.exit_code, timeout_s=timeout_s, what=f"{self.command} did not end\n{self.last_words}")

    @property
    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:]) if self.log.exists() else ""


def until(look: Callable[[], T | None], *, timeout_s: float, what: str | Callable[[], str], every_s: float = 0.03) -> T:
    """What ``look`` gives once that is neither None nor False; AssertionError with ``what`` after so many seconds."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(what if isinstance(what, str) else what())
        time.sleep(every_s)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
