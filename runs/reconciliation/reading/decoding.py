"""The text of an uploaded file, in whatever encoding it came."""

from __future__ import annotations

import codecs

from runs.reconciliation.reading.lines import Unreadable

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NOT_TEXT = (
    (b"PK", "It is a spreadsheet (.xlsx) or an archive (.zip). Save the sheet as CSV, or unpack the archive."),
    (b"\xd0\xcf\x11\xe0", "It is a spreadsheet of an old Excel (.xls). Save the sheet as CSV."),
    (b"%PDF", "It is a PDF. Export the figures as CSV."),
    (b"\x1f\x8b", "It is compressed (.gz). Unpack it first."),
)
SNIFFED_BYTES = 4_000
_CONTROLS = frozenset(map(chr, (*range(9), 11, 12, *range(14, 32))))


def decoded(data: bytes) -> tuple[str, list[str]]:
    """The text, and notes on what was guessed. Raises ``Unreadable``."""
    if not data.strip():
        raise Unreadable("It is empty.")
    for begins, why in NOT_TEXT:
        if data.startswith(begins):
            raise Unreadable(why)
    text, notes = _text(data)
    if any(sign in _CONTROLS for sign in text[:SNIFFED_BYTES]) or "\x00" in text:
        raise Unreadable("It is not text: it holds control characters. Export the figures as CSV or JSON.")
    return text, notes


def _text(data: bytes) -> tuple[str, list[str]]:
    encoding = next((name for bom, name in BOMS if data.startswith(bom)), _without_bom(data))
    try:
        return data.decode(encoding), [] if encoding.startswith("utf-8") else [f"It was read as {encoding.upper()}."]
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise Unreadable(
                f"It begins as {encoding.upper()} and goes on as something else. Export it anew."
            ) from None
    note = "It is not UTF-8 and was read as Windows-1252. Look whether accents in names of keys are right."
    return data.decode("cp1252", "replace"), [note]


def _without_bom(data: bytes) -> str:
    """UTF-16 without its mark is told by the zeros beside its commas and figures."""
    begins = data[:SNIFFED_BYTES]
    even, odd = begins[::2].count(0), begins[1::2].count(0)
    if max(even, odd) < len(begins) // 4:
        return "utf-8"
    return "utf-16-le" if odd > even else "utf-16-be"
