"""The data folder of ``make up``: made at the first start, for one application at a time, on a disk with some room."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crewsite.refusal import CannotStart

LEAST_FREE_BYTES = 200_000_000


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """The folder for this process alone. The kernel gives it back however the process ends."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            # Root's database server passes through to its own folder and reads nothing else (postgres_account).
            folder.chmod(0o711)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise CannotStart(
            f"The data folder {folder} cannot be written ({error.strerror}). If another user made it, start as "
            "that user; else set DATA_DIR to a folder of your own."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"Crewsite already runs on the data folder {folder}. Use that one (`make signin` prints a new link), "
                "stop it, or start a second one with a DATA_DIR and a PORT of its own."
            ) from None
        _refuse_full_disk(folder)
        yield


def _refuse_full_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"Only {free // 1_000_000} MB are free on the disk of {folder}; Crewsite needs "
            f"{LEAST_FREE_BYTES // 1_000_000} MB to start safely. Nothing was changed. "
            "Free some space, or set DATA_DIR to another disk."
        )
