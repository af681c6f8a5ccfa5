"""Rows of a bill's tables, drawn here: as templates, some hundred cells with their bars take too long."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.bill_sums.dimensions import PART
from runs.bill_sums.sums import Sums
from runs.bills.asked import Asked
from runs.bills.pivot import Cell, Pivot, Row
from runs.bills.values import Value
from runs.templatetags.changes import percent
from runs.templatetags.money import cell_bar, sum_cost

OTHERS = "others"


class PivotTable:
    """``page`` and ``calls``: addresses of the month's page and of its calls."""

    def __init__(self, pivot: Pivot, asked: Asked, *, page: str, calls: str) -> None:
        self._pivot, self._asked, self._page, self._calls = pivot, asked, page, calls
        self._most = max((cell.spent_nusd for row in pivot.rows for cell in row.cells if cell), default=0)

    @property
    def is_pivot(self) -> bool:
        return len(self._pivot.by) > 1

    @property
    def has_calls(self) -> bool:
        """A part of a cost is of the same calls as the other parts."""
        return self._pivot.by[0] != PART

    def heads(self) -> list[str]:
        names = [value.name for value in self._pivot.columns]
        return [*names, OTHERS] if self._pivot.has_others else names

    def totals(self) -> list[tuple[str, Cell]]:
        return list(zip(self.heads(), self._pivot.totals, strict=True))

    def width(self) -> int:
        """How many columns stand before the last one."""
        return 1 + (len(self.heads()) if self.is_pivot else 3 if self.has_calls else 1)

    def rows(self) -> SafeString:
        return SafeString("".join(self._row(row) for row in self._pivot.rows))

    def _row(self, row: Row) -> SafeString:
        name = self._pivot.by[0]
        return format_html(
            '<tr><th scope="row" class="break">{}</th>{}<td class="n bar-of" data-label="All">{}{}</td></tr>\n',
            self._title(name, row.value),
            self._cells(row) if self.is_pivot else self._figures(row.sums),
            self._linked(sum_cost(row.sums), {name: row.value.code}),
            cell_bar(row.sums.spent_nusd, self._pivot.most_nusd),
        )

    def _title(self, name: str, value: Value) -> SafeString:
        """The page narrowed to the value; a part of a cost cannot be narrowed to."""
        if name == PART:
            return format_html("{}", value.name)
        query = self._asked.narrowed(name, value.code).query()
        return format_html('<a href="{}?{}">{}</a>', self._page, query, value.name)

    def _figures(self, sums: Sums) -> SafeString:
        share = sums.spent_nusd / self._pivot.total_nusd if self._pivot.total_nusd else None
        counts = SafeString("")
        if self.has_calls:
            counts = format_html(
                '<td class="n" data-label="Calls">{}</td><td class="n" data-label="Tokens">{}</td>',
                f"{sums.calls:,}",
                f"{sums.total_tokens:,}",
            )
        return counts + format_html('<td class="n" data-label="Of all">{}</td>', percent(share))

    def _cells(self, row: Row) -> SafeString:
        first, second = self._pivot.by
        values: Sequence[Value | None] = [*self._pivot.columns, None]
        cells = []
        for value, head, cell in zip(values, self.heads(), row.cells, strict=False):
            if cell is None:
                cells.append(SafeString('<td class="n"></td>'))
                continue
            only = {first: row.value.code} if value is None else {first: row.value.code, second: value.code}
            shown = sum_cost(cell) if value is None else self._linked(sum_cost(cell), only)
            bar = cell_bar(cell.spent_nusd, self._most)
            cells.append(format_html('<td class="n" data-label="{}">{}{}</td>', head, shown, bar))
        return SafeString("".join(cells))

    def _linked(self, figure: SafeString, only: dict[str, str]) -> SafeString:
        if PART in only:
            return figure
        asked = self._asked
        for name, code in only.items():
            asked = asked.narrowed(name, code)
        return format_html('<a class="plain" href="{}?{}">{}</a>', self._calls, asked.calls_query(), figure)
