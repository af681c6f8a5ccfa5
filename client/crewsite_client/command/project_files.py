"""A project on this machine, as it is sent to be imported: files, folders and archives, zipped together."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from crewsite_client.command.here import Stop

PASSED_OVER = {"node_modules", "venv", "env", "build", "dist", "__pycache__", "site-packages"}
READ = {".py", ".ipynb", ".yaml", ".yml", ".json", ".jsonc", ".md", ".txt", ".toml"}
"""Of a folder only such files are sent, and none that begins with a dot: keys lie in those (``.env``)."""
MOST_BYTES = 5_000_000
MOST_FILE_BYTES = 2_000_000
Packed = list[tuple[str, bytes]]


def packed(paths: Sequence[str]) -> tuple[Packed, list[str]]:
    """What is sent, and what of it was passed over for its size. One file goes as it is; more become one archive.

    Raises ``Stop`` if there is nothing to send, or too much.
    """
    passed: list[str] = []
    found: Packed = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found += _folder(path, passed, alone=len(paths) == 1)
        else:
            found.append((path.name, _read(path)))
    if not found:
        raise Stop("There is nothing that could be a crew: no Python, YAML or JSON.")
    if len(found) > 1:
        found = [("project.zip", _zipped(found))]
    if len(found[0][1]) > MOST_BYTES:
        raise Stop(f"That is more than {MOST_BYTES // 1_000_000} MB. Name the files that make the crew.")
    return found, passed


def _folder(folder: Path, passed: list[str], *, alone: bool) -> Iterator[tuple[str, bytes]]:
    """Links are not followed: they may lead anywhere."""
    base = folder if alone else folder.resolve().parent
    for place, folders, names in os.walk(folder if alone else folder.resolve()):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER and not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if path.suffix.lower() not in READ or name.startswith(".") or path.is_symlink():
                continue
            if path.stat().st_size > MOST_FILE_BYTES:
                passed.append(path.relative_to(base).as_posix())
                continue
            yield path.relative_to(base).as_posix(), _read(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise Stop(f"{path} cannot be read: {fault.strerror}.") from fault


def _zipped(files: Packed) -> bytes:
    """The same bytes for the same files, so that a request under a key can be repeated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
