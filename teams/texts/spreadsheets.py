"""Files that people open in spreadsheets: CSV, and texts in its cells."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet may take for a formula; the last four are the wide signs of East Asian ones."""


def safe(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """The rows as CSV. Texts from elsewhere are to be ``safe``."""
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
