"""A project on this machine, as it is sent to be imported: files, folders and archives, zipped together."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from crewsite_client.command.files.reading import MOST_BYTES, read
from crewsite_client.command.here import Stop

PASSED_OVER = {"node_modules", "venv", "env", "build", "dist", "__pycache__", "site-packages"}
SOURCES = {".py", ".ipynb", ".yaml", ".yml", ".json", ".jsonc"}
TEXTS = {".md", ".txt", ".prompt", ".j2", ".jinja", ".jinja2", ".markdown"}
READ = SOURCES | TEXTS
"""Of a folder only such files are sent, and none that begins with a dot: keys lie in those (``.env``)."""
MOST_FILE_BYTES = 2_000_000
MOST_UNPACKED_BYTES = 16_000_000
MOST_FILES = 5_000
"""As the server's, which would refuse more."""
MOST_SEEN = 200_000
"""Files and folders that are looked at: whoever names / by mistake need not wait for the end."""
LESS = "Name the files that make the crew."
Packed = list[tuple[str, bytes]]


def packed(paths: Sequence[str]) -> tuple[Packed, list[str]]:
    """What is sent, and what of it was passed over for its size. One file goes as it is; more become one archive.

    Raises ``Stop`` if there is nothing to send, or as soon as there is too much.
    """
    passed: list[str] = []
    found: Packed = []
    taken = _Taken()
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found += _folder(path, passed, taken, alone=len(paths) == 1)
        else:
            found.append((path.name if _is_sendable(Path(path.name)) else "file", taken.read(path)))
    if not found:
        raise Stop("There is nothing that could be a crew: no Python, YAML or JSON.")
    if len(found) > 1:
        found = [("project.zip", _zipped(found))]
    if len(found[0][1]) > MOST_BYTES:
        raise Stop(f"That is more than {MOST_BYTES // 1_000_000} MB as it is sent. {LESS}")
    return found, passed


class _Taken:
    """How much was looked at and read so far. Raises ``Stop`` beyond the limits."""

    def __init__(self) -> None:
        self._seen = self._files = self._bytes = 0

    def see(self, count: int, folder: Path) -> None:
        self._seen += count
        if self._seen > MOST_SEEN:
            raise Stop(f"{folder} has more than {MOST_SEEN:,} files and folders. {LESS}")

    def read(self, path: Path) -> bytes:
        content = read(path, MOST_BYTES)
        self._files += 1
        self._bytes += len(content)
        if self._files > MOST_FILES:
            raise Stop(f"There are more than {MOST_FILES:,} sources and texts. {LESS}")
        if self._bytes > MOST_UNPACKED_BYTES:
            raise Stop(f"Its sources and texts have more than {MOST_UNPACKED_BYTES // 1_000_000} MB. {LESS}")
        return content


def _folder(folder: Path, passed: list[str], taken: _Taken, *, alone: bool) -> Iterator[tuple[str, bytes]]:
    """Links are not followed: they may lead anywhere."""
    base = folder if alone else folder.resolve().parent
    for place, folders, names in os.walk(folder if alone else folder.resolve()):
        taken.see(len(folders) + len(names), folder)
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER and not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if path.suffix.lower() not in READ or name.startswith(".") or not _is_plain(path):
                continue
            if path.lstat().st_size > MOST_FILE_BYTES or not _is_sendable(path.relative_to(base)):
                passed.append(path.relative_to(base).as_posix())
                continue
            yield path.relative_to(base).as_posix(), taken.read(path)


def _is_plain(path: Path) -> bool:
    """No link, and nothing that would be waited for, as a pipe is."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:  # it is gone meanwhile
        return False


def _is_sendable(path: Path) -> bool:
    """Names on a disk need be no text."""
    try:
        path.as_posix().encode()
    except UnicodeEncodeError:
        return False
    return True


def _zipped(files: Packed) -> bytes:
    """The same bytes for the same files, so that a request under a key can be repeated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
