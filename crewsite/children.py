"""One process of `make up`: started into a log of its own, watched, stopped. In which order is ``local``'s to say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STOP_TIMEOUT_S = 20.0
LAST_LINES = 12


class Child:
    """A Python module in a process. Its log is kept for one more start as ``<name>.log.1``."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self, module: Sequence[str], *, lifeline: int, pass_fds: Sequence[int] = (), output: int | None = None
    ) -> None:
        """``module``: its name and arguments. Standard output goes to ``output``, everything else into the log."""
        if self.log.exists():
            self.log.replace(f"{self.log}.1")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "crewsite.lifeline", str(lifeline), *module],
                cwd=Path(__file__).resolve().parent.parent,
                env=os.environ | {"CREWSITE_PROCESS": self.name},
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else output,
                stderr=log,
                pass_fds=(lifeline, *pass_fds),
                start_new_session=True,  # Ctrl-C reaches the launcher alone, which stops everything in order
            )

    @property
    def ended(self) -> int | None:
        """How it ended (negative: by which signal); None while it runs or before it was started."""
        return None if self._process is None else self._process.poll()

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_until_stopped(self, *, deadline: float) -> None:
        """Past the deadline (monotonic) it is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The last lines of its log, indented."""
        return last_lines(self.log)


def last_lines(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines) or "    (nothing)"
