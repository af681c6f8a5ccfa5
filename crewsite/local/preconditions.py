"""What must hold before anything is started: a free port, a data folder of our own, and room on its disk."""

from __future__ import annotations

import errno
import fcntl
import shutil
import socket
from pathlib import Path
from typing import IO

LEAST_FREE_BYTES = 200_000_000


class CannotStart(Exception):
    """Why the application does not start, and what to do about it."""


def refuse_used_port(host: str, port: int) -> None:
    """Raises ``CannotStart`` if another program listens there already."""
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
    """Keeps the data folder for this process alone until the returned file is closed. Raises ``CannotStart``."""
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
