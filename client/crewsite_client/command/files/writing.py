"""Writing files that the user named: whole or not at all, and over others only where they said so."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from crewsite_client.command.here import Stop


def check_target(target: Path, *, force: bool) -> None:
    """Raises ``Stop`` where a file cannot be written, before anything is asked of the server."""
    if not target.parent.is_dir():
        raise Stop(f"There is no folder {target.parent}.")
    if target.is_dir():
        raise Stop(f"{target} is a folder.")
    if not force and (target.is_file() or (target.is_symlink() and not target.exists())):
        raise Stop(f"{target} is there already; --force writes over it.")


@contextmanager
def written(target: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A file that can be read and sought in; it becomes the target once it is whole, and what is there stays until
    then. Raises ``Stop``."""
    check_target(target, force=force)
    if target.exists() and not target.is_file():  # as /dev/stdout is
        with _told(target), target.open("r+b" if target.is_block_device() else "wb") as file:
            yield file
        return
    real = Path(os.path.realpath(target))  # a link stays one
    beside = real.with_name(f".{real.name[:80]}.{secrets.token_hex(4)}")
    with _told(target):
        try:
            with beside.open("x+b") as file:
                yield file
            _take_place(beside, real, target, force=force)
        finally:
            with suppress(OSError):
                beside.unlink()


def _take_place(beside: Path, real: Path, target: Path, *, force: bool) -> None:
    """Without ``force`` also what came there meanwhile stays, where the file system knows links."""
    if not force:
        try:
            os.link(beside, real)
        except FileExistsError:
            raise Stop(f"{target} is there already; --force writes over it.") from None
        except OSError:
            pass
        else:
            return
    beside.replace(real)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise Stop(f"{target} cannot be written: {fault.strerror}.") from fault
