"""The text of an uploaded file: which kinds are read, in which encoding, and what is refused."""

from __future__ import annotations

import codecs
import threading
from dataclasses import dataclass

from engine.bounded import Patience
from engine.errors import TooBusy, TooMuchWork
from engine.web.html_text import readable_text_apart
from teams.refusals import Busy, Invalid

MEDIA_TYPES = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/json",
    ".html": "text/html",
    ".htm": "text/html",
}
KINDS = "text (.txt), Markdown (.md), CSV (.csv), JSON (.json) and HTML (.html)"
MAX_HTML_BYTES = 2_000_000
MAX_HTML_MARKS = 300_000
"""Of ``<`` and ``&`` in one page: reading takes time by their number. Usual pages of 2 MB have a third."""
RETRY_AFTER_S = 60
NO_TURN = "other pages are being read. Try again in a minute."
MAX_CONTROL_SHARE = 0.02
SNIFFED_BYTES = 100_000
_one_page = threading.Lock()
"""One page at a time in a process: the other child is left for what else is read and checked there."""
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A file's text; ``notes`` say what was guessed when it was read."""

    text: str
    media_type: str
    notes: tuple[str, ...] = ()


def read_document(name: str, data: bytes, *, patience: Patience, default_type: str = "") -> ReadDocument:
    """The text of a file, by its name's ending; ``default_type`` is the kind of a name without a known ending.

    ``patience``: for all files of a request. Raises ``Invalid`` for other kinds, for a file that is not text, and for
    one that holds none or takes too much to be read; ``Busy`` if patience ends before.
    """
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    if data.startswith(b"%PDF") or (ending == ".pdf" and not default_type):
        raise _unreadable(name, "is a PDF. Convert it to text first (for example with pdftotext) and upload that.")
    media_type = MEDIA_TYPES.get(ending, default_type)
    if not media_type:
        raise _unreadable(name, f"is of a kind that is not read here: {KINDS} are. Convert it to one of them.")
    text, notes = _decoded(name, data)
    if media_type == "text/html":
        text = _text_of_page(name, text, len(data), patience)
    if not text.strip():
        raise _unreadable(name, "holds no text that could be searched.")
    return ReadDocument(text, media_type, notes)


def _text_of_page(name: str, page: str, size: int, patience: Patience) -> str:
    if size > MAX_HTML_BYTES or page.count("<") + page.count("&") > MAX_HTML_MARKS:
        why = (
            f"is more HTML than is read: {MAX_HTML_BYTES // 1_000_000} MB with {MAX_HTML_MARKS:,} tags and references."
        )
        raise _unreadable(name, f"{why} Save it as text or in parts.")
    if not _one_page.acquire(timeout=max(0.0, patience.left_s())):
        raise Busy(f"“{name}” was not read: {NO_TURN}", retry_after_s=RETRY_AFTER_S)
    try:
        return readable_text_apart(page, patience)
    except TooBusy as error:
        raise Busy(f"“{name}” was not read: {error}", retry_after_s=RETRY_AFTER_S) from error
    except TooMuchWork as error:
        raise _unreadable(name, f"could not be read: {error} Save it as text.") from error
    finally:
        _one_page.release()


def _decoded(name: str, data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text without NULs, which PostgreSQL cannot keep, and with plain line ends."""
    notes: tuple[str, ...] = ()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    elif _looks_binary(data):
        raise _unreadable(name, f"is not text. {KINDS} are read; convert it to one of them.")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
            notes = (f"“{name}” is not UTF-8; it was read as Latin-1. Look whether its accents are right.",)
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    return text, notes


def _looks_binary(data: bytes) -> bool:
    sample = data[:SNIFFED_BYTES]
    return len(sample) - len(sample.translate(None, _CONTROLS)) > MAX_CONTROL_SHARE * len(sample) + 3


def _unreadable(name: str, why: str) -> Invalid:
    message = f"“{name}” {why}"
    return Invalid(message, fields={"file": message}, code="unreadable_document")
