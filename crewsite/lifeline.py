"""Runs a module as a part of ``make up`` and ends it when the launcher is gone, even after a kill -9.

The launcher holds the writing end of a pipe and never writes; its end is the end of the pipe.

    python -m crewsite.lifeline <file descriptor> <module> [argument ...]
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def hold(descriptor: int) -> None:
    """Sends this process a SIGTERM once nobody holds the other end any more."""

    def wait() -> None:
        os.read(descriptor, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    hold(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
