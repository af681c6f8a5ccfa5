"""Whether what ``make_ready`` works from has changed since it last ran: code, static files, packages, database."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("agents_app", "crewsite", "engine", "runs", "static", "teams")
FILES = ("requirements.txt", "package-lock.json")
STAMP = "ready"


def of_this_code() -> str:
    """By name, size and time of each file; the database by its address, without password and port."""
    digest = hashlib.sha256()
    database = urlsplit(os.environ["DATABASE_URL"])
    digest.update(f"{database.hostname} {database.path} {database.username}\n".encode())
    for path in sorted(_files()):
        found = path.stat()
        digest.update(f"{path.relative_to(ROOT)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def kept(folder: Path) -> str:
    """That of the last time; empty where its results are gone."""
    stamp = folder / STAMP
    return stamp.read_text() if stamp.is_file() and (folder / "static").is_dir() else ""


def keep(folder: Path, stamp: str) -> None:
    (folder / STAMP).write_text(stamp)


def _files() -> list[Path]:
    inside = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if "__pycache__" not in path.parts]
    return [path for path in (*inside, *(ROOT / name for name in FILES)) if path.is_file()]
