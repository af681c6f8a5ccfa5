"""Takes the files that matter out of a zip archive, within bounds that are looked at before anything is unpacked.

It writes nothing to disk and follows nothing: no link, no path out of the archive, no archive within it.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator

from agents_app.formats.report import Place, UnreadableError

MAX_ENTRIES = 5_000
MAX_DIRECTORY_BYTES = 1_500_000
"""Of the list of entries, which is read whole: it takes some ten times as much memory."""
MAX_UNPACKED_BYTES = 16_000_000
"""Of the files that matter, together."""
MAX_RATIO = 100
"""Of all that an archive says it holds to its own size. Sources and notebooks are packed to a tenth at best."""
FREE_BYTES = 2_000_000
"""Looked at as an honest archive whatever its ratio."""
MAX_PATH_CHARS = 300
MAX_DEPTH = 20
_BLOCK = 64 * 1024
_END = b"PK\x05\x06"
_END_BYTES, _ENDS_64_BYTES = 22, 56 + 20
_END_64, _WHERE_64 = b"PK\x06\x06", b"PK\x06\x07"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OverflowError, IndexError)
"""What ``zipfile`` raises for what is no archive; the last for an entry without a name."""


def is_archive(data: bytes) -> bool:
    """Whether it begins as a zip archive does; other packed files are told by their names alone."""
    return data.startswith((b"PK\x03\x04", _END))


def unpacked(data: bytes, *, name: str, matters: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """The files that matter, by their paths in the archive; all others are named with nothing in them.

    Raises ``UnreadableError`` with the reason before anything is unpacked, or as soon as an entry is not what it says.
    """
    try:
        _refuse_long_list(data, name)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuse(entries, len(data), name, matters)
            for entry in entries:
                path = entry.filename.replace("\\", "/")
                yield path, _content(archive, entry, name) if matters(path) else b""
    except BROKEN as error:
        raise _refused(name, "it is damaged, or no zip archive") from error


def clean_path(path: str) -> str:
    """A path below the project's folder, with ``/`` between its parts. Raises ``UnreadableError`` for any other."""
    parts = path.replace("\\", "/").split("/")
    if not any(part not in ("", ".") for part in parts) or len(path) > MAX_PATH_CHARS or len(parts) > MAX_DEPTH:
        shown = path if len(path) < 60 else path[:57] + "..."
        limits = f"at most {MAX_PATH_CHARS} characters and {MAX_DEPTH} folders"
        raise UnreadableError(f"The path `{shown}` is not one of a project's files, which have {limits}.")
    refuse_climbing(path)
    return "/".join(part for part in parts if part not in ("", "."))


def refuse_climbing(path: str) -> None:
    """Raises ``UnreadableError`` for a path that leads out of the project's folder, or that nobody can read."""
    parts = path.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or ":" in parts[0] or "\0" in path:
        raise UnreadableError(f"The path {path[:100]!r} leads out of the project's folder; nothing was read.")


def _refuse(entries: list[zipfile.ZipInfo], size: int, name: str, matters: Callable[[str], bool]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise _refused(name, f"it has more than {MAX_ENTRIES:,} files")
    whole = sum(entry.file_size for entry in entries)
    if whole > FREE_BYTES and whole > MAX_RATIO * size:
        raise _refused(name, f"its {size:,} bytes would unpack to {whole:,}, as only an archive made to do harm does")
    for entry in entries:
        refuse_climbing(entry.filename)
        if not matters(entry.filename.replace("\\", "/")):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _refused(name, f"`{entry.filename}` in it is a link, and links are not followed; put the file there")
        if entry.flag_bits & 1:
            raise _refused(name, f"`{entry.filename}` in it needs a password")
        if entry.compress_type not in _METHODS:
            raise _refused(name, f"`{entry.filename}` in it is packed in another way than zip's own (deflate)")
    needed = sum(entry.file_size for entry in entries if matters(entry.filename.replace("\\", "/")))
    if needed > MAX_UNPACKED_BYTES:
        raise _refused(name, f"its sources have {needed:,} bytes; at most {MAX_UNPACKED_BYTES:,} are read")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bytes:
    """What an entry holds, read in blocks and never beyond the size that it says."""
    blocks: list[bytes] = []
    size = 0
    with archive.open(entry) as packed:
        while block := packed.read(_BLOCK):
            size += len(block)
            if size > entry.file_size:
                raise _refused(name, f"`{entry.filename}` in it is larger than it says")
            blocks.append(block)
    return b"".join(blocks)


def _refuse_long_list(data: bytes, name: str) -> None:
    """By the archive's own end, before its list of entries is read. The end is found as ``zipfile`` finds it, and what
    the end of a large archive (zip64) says goes before what the ordinary one does."""
    end = len(data) - _END_BYTES
    if data[end : end + 4] != _END or data[-2:] != b"\0\0":
        end = data.rfind(_END, max(0, len(data) - 66_000))
    if end < 0:
        raise _refused(name, "it is damaged, or no zip archive")
    found = [(end + 10, 2), (end + 12, 4)]
    large = end - _ENDS_64_BYTES
    if data[end - 20 : end - 16] == _WHERE_64 and large >= 0 and data[large : large + 4] == _END_64:
        found = [(large + 32, 8), (large + 40, 8)]
    count, size = (int.from_bytes(data[at : at + width], "little") for at, width in found)
    if count > MAX_ENTRIES or size > MAX_DIRECTORY_BYTES:
        raise _refused(name, f"it has more than {MAX_ENTRIES:,} files")


def _refused(name: str, why: str) -> UnreadableError:
    return UnreadableError(f"The archive was not read: {why}.", Place(None, name))
