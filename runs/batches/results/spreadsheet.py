"""A batch's results as a workbook of Excel, written row by row, so that memory holds few of them at a time.

Whatever people and models wrote is a text in it: never a formula, never a link. A number is one where the inputs' JSON
or a schema has it so. Control characters stay, in the way that the format writes them. What is longer than a cell may
be is cut, and the second sheet says where.
"""

from __future__ import annotations

import json
import math
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.files import output_fields, result
from runs.export.formats import UNPRICED, Format
from runs.models import Batch, BatchRow

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_CELL = 32_767
"""UTF-16 units in a cell, by the format."""
MAX_WHOLE = 2**53
"""Whole numbers beyond it would lose digits: they are written as texts."""
MOST_CUTS = 1_000
"""Cut cells that are named; the others are counted."""
PIECE_BYTES = 65_536
SETTINGS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "use_zip64": True,
}
WIDTHS = {"row": 6, "status": 11, "cost_usd": 12, "seconds": 10, "run": 38, "error": 40}
USUAL_WIDTH = 32


class PlainSheet(Worksheet):  # type: ignore[misc]
    """xlsxwriter takes a text from ``<r>`` to ``</r>`` for markup of its own and writes it unescaped."""

    def _xml_rich_inline_string(self, string: str, attributes: Sequence[tuple[str, Any]] = ()) -> None:
        self._xml_inline_string(string, True, list(attributes))


class ResultsBook:
    """Takes rows, then gives the file. What lies on the disk goes once it was given, or with the book."""

    def __init__(self, batch: Batch) -> None:
        spec = CrewSpec.from_json(batch.version.spec)
        self._batch = batch
        self._inputs, self._outputs = placeholders(spec), output_fields(spec)
        heads = ["row", *self._inputs, "status", "output", *(f"output.{name}" for name in self._outputs)]
        self._heads = [*heads, "cost_usd", "seconds", "run", "error"]
        self._cuts: list[tuple[int, str, int]] = []
        self._cut = 0
        folder = mkdtemp(prefix="crewsite-results-")
        self._throw_away = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = Path(folder, "results.xlsx")
        self._book = Workbook(str(self._path), {**SETTINGS, "tmpdir": folder})
        self._bold = self._book.add_format({"bold": True})
        self._sheet = self._book.add_worksheet("Results", worksheet_class=PlainSheet)
        self._begin()

    def add(self, rows: Iterable[BatchRow]) -> None:
        for row in rows:
            self._line(row.position, self._cells(row))

    def ended(self) -> Iterator[bytes]:
        """The file in pieces, once all rows are in it."""
        self._note()
        self._book.close()
        with self._path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
        self._throw_away()

    def _begin(self) -> None:
        self._sheet.freeze_panes(1, 1)
        for place, head in enumerate(self._heads):
            self._sheet.set_column(place, place, WIDTHS.get(head, USUAL_WIDTH))
        self._sheet.autofilter(0, 0, self._batch.row_count, len(self._heads) - 1)
        for place, head in enumerate(self._heads):
            self._sheet.write_string(0, place, _fitting(head), self._bold)

    def _cells(self, row: BatchRow) -> list[Any]:
        found = result(row)
        data = found["json"] if isinstance(found["json"], Mapping) else {}
        unpriced = row.run is not None and row.run.unpriced_calls
        cost = None if found["cost_usd"] is None else float(found["cost_usd"])
        return [
            row.position,
            *(row.inputs.get(name) for name in self._inputs),
            found["status"],
            found["output"],
            *(data.get(name) for name in self._outputs),
            UNPRICED if unpriced else cost,
            found["seconds"],
            found["run"],
            found["error"],
        ]

    def _line(self, number: int, cells: Sequence[Any]) -> None:
        for place, cell in enumerate(cells):
            if isinstance(cell, bool):
                self._sheet.write_boolean(number, place, cell)
            elif _is_number(cell):
                self._sheet.write_number(number, place, cell)
            elif cell is not None and cell != "":
                text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
                shown = _fitting(text)
                if len(shown) < len(text):
                    self._say_cut(number, place, len(text))
                self._sheet.write_string(number, place, shown)

    def _say_cut(self, number: int, place: int, length: int) -> None:
        self._cut += 1
        if len(self._cuts) < MOST_CUTS:
            self._cuts.append((number, self._heads[place], length))

    def _note(self) -> None:
        batch = self._batch
        sheet = self._book.add_worksheet("Notes", worksheet_class=PlainSheet)
        sheet.set_column(0, 0, 14)
        sheet.set_column(1, 2, 40)
        said = [
            ("batch", batch.name),
            ("id", str(batch.pk)),
            ("crew", f"{batch.crew.name} v{batch.version.number}"),
            ("money", "simulated: nothing was spent" if batch.simulated else "real, in USD"),
            ("cost_usd", "of the row's newest run; empty before it has one"),
            ("seconds", "of the row's newest run, from its first claim to its end"),
            (
                "cut cells",
                f"{self._cut:,} longer than {MAX_CELL:,} characters, which a cell holds; CSV has all",
            ),
        ]
        for place, (name, text) in enumerate(said):
            sheet.write_string(place, 0, name, self._bold)
            sheet.write_string(place, 1, _fitting(text))
        first = len(said) + 1
        for column, head in enumerate(("row", "column", "characters") if self._cuts else ()):
            sheet.write_string(first, column, head, self._bold)
        for place, (number, head, length) in enumerate(self._cuts, first + 1):
            sheet.write_number(place, 0, number)
            sheet.write_string(place, 1, _fitting(head))
            sheet.write_number(place, 2, length)


def as_xlsx(batch: Batch) -> Format:
    """The file comes once all rows are in it: nothing lies on the disk before the first ones are asked for."""
    books: list[ResultsBook] = []

    def lines(rows: Iterable[Any]) -> str:
        if not books:
            books.append(ResultsBook(batch))
        books[0].add(rows)
        return ""

    return Format("xlsx", CONTENT_TYPE, "", lines, lambda: books[0].ended())


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) <= MAX_WHOLE


def _fitting(text: str) -> str:
    """As much of the text as a cell holds, no character cut in half."""
    if len(text) <= MAX_CELL // 2:
        return text
    units = text.encode("utf-16-le")[: 2 * MAX_CELL]
    return units.decode("utf-16-le", "ignore")
