"""Keeps the logs of the processes that ``make up`` starts from filling the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 20_000_000
"""Of one log. With what it held before, twice as much."""


def earlier(log: Path) -> Path:
    """Where a log's earlier part is kept."""
    return log.with_suffix(".log.1")


def keep_small(logs: Iterable[Path]) -> None:
    """Copies a log that has grown too long to its earlier part, and empties it.

    It is not renamed, because its process has it open, to append to it. Lines that come meanwhile may be lost.
    """
    for log in logs:
        if log.is_file() and log.stat().st_size > MAX_BYTES:
            with suppress(OSError):  # a full disk; then at least the log is emptied
                shutil.copyfile(log, earlier(log))
            os.truncate(log, 0)
