"""The columns of the first page's picture, and its table's rows. As templates they took half the page's time."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from django.utils.safestring import SafeString

from runs.figures.sums import Grain
from runs.home.bars import HEIGHT, Bars, Column, Part
from runs.templatetags.money import cost, plain_usd, usd


def columns(bars: Bars, runs_page: str) -> SafeString:
    """Links with a rectangle for each part. ``runs_page``: the address of the list of runs."""
    return SafeString("".join(_column(column, bars.grain, runs_page) for column in bars.columns))


def _column(column: Column, grain: Grain, runs_page: str) -> str:
    runs = column.figures.runs
    words = f"{moment(column, grain)}: {plain_usd(column.figures.spent_nusd)}, {runs:,} run{'' if runs == 1 else 's'}"
    parts = "".join(_rect(f"part-{part.place}", column, part) for part in column.parts)
    return f"""<a href="{_address(column, runs_page)}&amp;sort=cost">
<title>{"week from " if grain == "week" else ""}{words}</title>
{_rect("under", column, Part(0, 0, HEIGHT))}{parts}</a>
"""


def _rect(css: str, column: Column, part: Part) -> str:
    place = f'x="{column.x:g}" y="{part.y:g}" width="{column.width:g}" height="{part.height:g}"'
    return f'<rect class="{css}" {place}/>\n'


def rows(bars: Bars, runs_page: str) -> SafeString:
    """The same as rows of a table; columns without runs are left out."""
    shown: Iterable[Column] = (column for column in bars.columns if column.figures.runs)
    return SafeString("".join(_row(column, bars.grain, runs_page) for column in shown))


def _row(column: Column, grain: Grain, runs_page: str) -> str:
    amounts = "".join(f'<td class="n">{usd(amount)}</td>' for amount in column.amounts)
    return f"""<tr>
<td><a href="{_address(column, runs_page)}">{moment(column, grain)}</a></td>
<td class="n">{column.figures.runs:,}</td>
<td class="n">{cost(column.figures)}</td>
{amounts}</tr>
"""


def moment(column: Column, grain: Grain) -> str:
    """When the column begins, in UTC: "5 Nov", or "5 Nov, 14:00"."""
    day = f"{column.since.day} {column.since:%b}"
    return f"{day}, {column.since:%H:%M}" if grain == "hour" else day


def _address(column: Column, runs_page: str) -> str:
    return f"{escape(runs_page)}?q={quote(column.q, safe='/')}"
