"""Where ``make up`` keeps its settings and secrets, so that ``manage.py`` beside it reaches the same database."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

SECRETS_FILE = "secrets.json"
RUNNING_FILE = "running.json"


def data_dir() -> Path:
    """``DATA_DIR``, by default ``.crewsite`` beside ``manage.py``."""
    folder = Path(os.environ.get("DATA_DIR") or ".crewsite")
    return folder if folder.is_absolute() else Path(__file__).resolve().parents[2] / folder


def use_local_environment() -> None:
    """Sets the variables that are not set to what ``make up`` keeps; does nothing where it keeps nothing."""
    folder = data_dir()
    for name in (RUNNING_FILE, SECRETS_FILE):
        if (folder / name).is_file():
            for variable, value in json.loads((folder / name).read_text()).items():
                os.environ.setdefault(variable, value)


def keep_secrets(folder: Path) -> dict[str, str]:
    """The installation's secrets, made at the first start and readable by this user only."""
    path = folder / SECRETS_FILE
    if not path.is_file():
        new = {"SECRET_KEY": secrets.token_urlsafe(50), "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
        write_private(path, new)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def write_private(path: Path, values: dict[str, str]) -> None:
    """Replaces the file in one step, readable and writable by its owner only."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file)
    draft.replace(path)
