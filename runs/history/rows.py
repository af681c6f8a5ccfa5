"""Runs as rows of the list's table, drawn here: as a template, fifty of them took a third of the page's time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from django.utils.safestring import SafeString

from runs.history.columns import COLUMNS
from runs.history.lines import RunLine
from runs.templatetags.money import cost
from runs.templatetags.times import moment, ticking, took
from runs.templatetags.words import mean_rating, simulated, state, wait

API = ' <span class="label-of">API</span>'
SIMULATED = f" {simulated()}"
UNLABELLED = ("state",)
"""On a narrow screen a state needs no label: it is told by its mark and word."""
WRAPPED = {"by": "by", "tags": "tags whole", "error": "tags whole"}
"""Columns whose texts are long, and the class that says how much room they have."""

Cell = Callable[[RunLine], str]


def rows_of(lines: Iterable[RunLine], columns: Sequence[str]) -> SafeString:
    """Every text that people or models wrote is escaped here. Figures and our own addresses need not be.

    Parts are joined and not formatted: what Django marks as safe is formatted by way of a method in Python.
    """
    cells = [(_begin(name), CELLS[name]) for name in columns]
    parts: list[str] = []
    for line in lines:
        parts.append(_run(line))
        for begin, cell in cells:
            parts += (begin, cell(line), "</td>\n")
        parts.append("</tr>\n")
    return SafeString("".join(parts))


def _begin(name: str) -> str:
    column = COLUMNS[name]
    css = ' class="n"' if column.is_figure else f' class="{WRAPPED[name]}"' if name in WRAPPED else ""
    label = "" if name in UNLABELLED else column.title
    return f'<td{css} data-label="{label}">'


def _run(line: RunLine) -> str:
    crew, launched_at = escape(line.crew), f"{str(line.created_at)[:19]} UTC"
    label = SIMULATED if line.simulated else " "
    about = f'<div class="{"bad" if line.failed else "quiet"} clip">{escape(line.about)}</div>' if line.about else ""
    return f"""<tr>
<td class="tick">
<input class="form-check-input" type="checkbox" form="ticked" name="runs" value="{line.id_text}"
 aria-label="Compare {crew}, {launched_at}">
</td>
<td class="grow">
<a class="fw-medium" href="{line.address}">{crew}</a> <span class="quiet">{line.version}</span>{label}{about}
</td>
"""


def _state(line: RunLine) -> str:
    waits = f'<div class="quiet">for {escape(wait(line.waiting_for))}</div>' if line.waiting_for else ""
    return f"{state(line.state)}{waits}"


def _duration(line: RunLine) -> str:
    return took(line.took_ms) if line.ended else ticking(line.started_at)


def _queued(line: RunLine) -> str:
    waited_ms = line.queued_ms
    return ticking(line.created_at) if waited_ms is None else took(waited_ms)


def rating(run_id: str, rating_sum: int, rating_count: int, *, replaces: bool = False) -> str:
    """``replaces``: it comes with another answer, for the list that a page shows."""
    oob = ' hx-swap-oob="true"' if replaces else ""
    return f'<span id="rating-{run_id}"{oob}>{mean_rating(rating_sum, rating_count)}</span>'


def _by(line: RunLine) -> str:
    by = escape(line.by)
    return f'<div class="clip" title="{by}">{by}</div>{API if line.by_api else ""}'


def _error(line: RunLine) -> str:
    code = f'<span class="label-of">{escape(line.row.error_code)}</span> ' if line.row.error_code else ""
    return f"{code}{escape(line.error)}"


CELLS: Mapping[str, Cell] = {
    "state": _state,
    "cost": cost,
    "waste": lambda line: cost(line.waste),
    "duration": _duration,
    "queued": _queued,
    "tokens": lambda line: f"{line.tokens:,}",
    "prompt": lambda line: f"{line.row.prompt_tokens:,}",
    "cached": lambda line: f"{line.row.cached_prompt_tokens:,}",
    "completion": lambda line: f"{line.row.completion_tokens:,}",
    "reasoning": lambda line: f"{line.row.reasoning_tokens:,}",
    "calls": lambda line: f"{line.row.successful_requests:,}",
    "rating": lambda line: rating(line.id_text, line.row.rating_sum, line.row.rating_count),
    "by": _by,
    "launched": lambda line: moment(line.created_at),
    "ended": lambda line: moment(line.row.finished_at),
    "version": lambda line: line.version,
    "tags": lambda line: escape(line.tags),
    "error": _error,
}
"""What stands in each column, safe to be put on a page."""
