"""What an installation keeps on disk beside its database: its own secrets and the address of its embedded PostgreSQL.

Everything is readable by its owner alone. Where the folder is, is decided by ``DATA_DIR``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from crewsite import env

ROOT = Path(__file__).resolve().parent.parent
SECRET_KEY = "secret_key"
ENCRYPTION_KEYS = "encryption_keys"
DATABASE_URL = "database_url"


def path() -> Path:
    """``DATA_DIR``, taken from the project's folder where it is relative."""
    return (ROOT / Path(env.text("DATA_DIR", ".crewsite")).expanduser()).absolute()


def read(name: str) -> str:
    """The text kept under that name, or nothing."""
    try:
        return (path() / name).read_text().strip()
    except FileNotFoundError:
        return ""


def write(name: str, text: str) -> None:
    """Replaces the text at once, so that no reader sees half of it."""
    draft = path() / f".{name}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path() / name)


def keep(name: str, make: Callable[[], str]) -> str:
    """The text kept under that name; it is made at the first call."""
    if not (kept := read(name)):
        write(name, kept := make())
    return kept


def remove(name: str) -> None:
    (path() / name).unlink(missing_ok=True)
