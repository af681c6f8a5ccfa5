"""A CSV text as a head and rows, whatever separates its cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from runs.reconciliation.reading.lines import Statement, Unclear, Unreadable, quoted

MOST_ROWS = 30_000
MOST_COLUMNS = 100
SEPARATORS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """``rows``: each with the line of the file on which it begins. ``names``: the head in one spelling."""

    head: Row
    names: Sequence[str]
    rows: Sequence[tuple[int, Row]]
    separator: str
    faults: Statement

    def cell(self, row: Row, *names: str) -> str:
        """What stands in the first of these columns that the table has; "" if it has none of them."""
        return next((row[self.names.index(name)].strip() for name in names if name in self.names), "")


def read_table(text: str) -> Table:
    """Rows without any content are left out. Raises ``Unreadable`` if there is no table; torn rows are faults."""
    text, first = _without_hint(text)
    head_text = text.lstrip("\r\n").partition("\n")[0]
    separator = max(SEPARATORS, key=lambda sign: len(_cells(head_text, sign)))
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    faults, begins = Statement("table"), first
    head: list[str] = []
    rows: list[tuple[int, Row]] = []
    for record in _records(reader):
        place, begins = begins, first + reader.line_num
        if isinstance(record, str):
            with faults.at(place):
                raise Unclear(record)
        elif any(cell.strip() for cell in record):
            if not head:
                head = [cell.strip() for cell in record]
            else:
                rows.append((place, record))
        if len(rows) > MOST_ROWS:
            raise Unreadable(f"It has more than {MOST_ROWS:,} rows. Export by day, or fewer days at once.")
    _look_at(head, rows)
    return Table(head, [_name(cell) for cell in head], _whole(head, rows, separator, faults), separator, faults)


def refuse_doubled(table: Table) -> None:
    """Rows that stand twice word for word become faults: an export has each bucket and group once."""
    seen: dict[tuple[str, ...], int] = {}
    for place, row in table.rows:
        earlier = seen.setdefault(tuple(row), place)
        if earlier != place:
            with table.faults.at(place):
                raise Unclear(f"It repeats line {earlier} word for word. Take one out, or say below what they mean")


def once(table: Table) -> Table:
    """The table without rows that stood before."""
    first: dict[tuple[str, ...], tuple[int, Row]] = {}
    for place, row in table.rows:
        first.setdefault(tuple(row), (place, row))
    return Table(table.head, table.names, list(first.values()), table.separator, table.faults)


def _without_hint(text: str) -> tuple[str, int]:
    """Without the line by which Excel says what separates cells. The number is that of the first line."""
    first, _, rest = text.partition("\n")
    return (rest, 2) if re.fullmatch(r"sep=.\r?", first, re.IGNORECASE) else (text, 1)


def _cells(line: str, separator: str) -> Row:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _records(reader: Iterator[Row]) -> Iterator[Row | str]:
    """The rows; a text is what is wrong with the last one, behind which nothing can be read."""
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            open_ended = "unexpected end" in str(error) or "field larger" in str(error)
            yield (
                "A quotation mark opens a text here that is never closed"
                if open_ended
                else "A quotation mark stands in the midst of a text; two of them are one within quotation marks"
            )
            return


def _look_at(head: Row, rows: Sequence[object]) -> None:
    if len(head) < 2:
        raise Unreadable("It is no table: its first line has no columns, parted by commas, semicolons or tabs.")
    if len(head) > MOST_COLUMNS:
        raise Unreadable(f"It has {len(head):,} columns; at most {MOST_COLUMNS} are read.")
    names = [_name(cell) for cell in head]
    doubled = next((cell for cell, name in zip(head, names, strict=True) if name and names.count(name) > 1), None)
    if doubled is not None:
        raise Unreadable(f"Two of its columns are called {quoted(doubled)}. Rename one.")
    if not rows:
        raise Unreadable("It has a head and no rows. Choose days on which something was used, and export again.")


def _whole(head: Row, rows: list[tuple[int, Row]], separator: str, faults: Statement) -> list[tuple[int, Row]]:
    whole = []
    for place, row in rows:
        with faults.at(place):
            if len(row) < len(head) or any(cell.strip() for cell in row[len(head) :]):
                raise Unclear(
                    f"It has {len(row)} cells where the head has {len(head)}: it is torn, or a text with "
                    f"{NAMES[separator]} lacks its quotation marks"
                )
            whole.append((place, row[: len(head)]))
    return whole


def _name(cell: str) -> str:
    """``usage_date_utc`` for "Usage Date (UTC)"."""
    return re.sub(r"[^a-z0-9]+", "_", cell.casefold()).strip("_")
