"""Brings database, prices, templates and static files up to date, and makes a sign-in link: by Django's commands."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crewsite.local.environment import data_dir

BASE_DIR = Path(__file__).resolve().parents[2]
UNUSED_STATIC = ["redoc*", "*-4.js", "*-4.min.js", "ht*-4*"]


def prepare(folder: Path) -> None:
    """Does nothing if nothing changed since the last time."""
    stamp, wanted = folder / "prepared", _fingerprint()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("Preparing the database and the pages ...", flush=True)  # noqa: T201
    call_command = _django()
    call_command("prepare", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED_STATIC)
    stamp.write_text(wanted)


def new_signin_path() -> str:
    """The path of a new sign-in link."""
    path: str = _django()("signin_link", absolute=False, stdout=_Quiet())
    return path


def _fingerprint() -> str:
    """Changes with whatever ``prepare`` reads: code, templates, static files, pinned packages, the database's host."""
    digest = hashlib.sha256(os.environ["DATABASE_URL"].split("@")[-1].split(":")[0].encode())
    roots = [BASE_DIR / part for part in ("teams", "agents_app", "runs", "static", "crewsite")]
    files = [path for root in roots for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files += [BASE_DIR / name for name in ("requirements.txt", "package-lock.json")]
    for path in sorted(files):
        stat = path.stat()
        digest.update(f"{path.relative_to(BASE_DIR)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    digest.update(b"data" if (data_dir() / "postgres" / "data").is_dir() else b"elsewhere")
    return digest.hexdigest()


def _django() -> Callable[..., Any]:
    """Django's ``call_command``. Django is loaded only now: its settings need the environment that was just made."""
    import django

    django.setup()
    from django.core.management import call_command

    return call_command


class _Quiet:
    """Swallows what a command prints: the link's path is returned, and is not to be printed twice."""

    def write(self, text: str) -> int:
        return len(text)
