"""The rows of the tables of figures, tasks and steps. Texts that people or models wrote are escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from django.utils.safestring import SafeString

from agents_app.versions.spec_diff import FieldChange
from runs.compare.comparison import TaskCell
from runs.compare.drawing.text import shown
from runs.compare.figures import Delta
from runs.compare.rows import Cell, FigureRow, Head, Row
from runs.compare.steps import Step
from runs.run.drawing.text import tenths

SHOWN_TASKS = 100
"""In the table, and among those that can be matched."""
NAME_CHARS = 60
"""Of a task's name beside others."""


# --- Figures ----------------------------------------------------------------------------------------------------------
def figure_rows(rows: Iterable[FigureRow], baseline: Head) -> SafeString:
    own = f'<td class="n" data-label="A"><a class="plain num" href="{escape(baseline.address)}">'
    return SafeString("".join(_figure(row, own) for row in rows))


def _figure(row: FigureRow, own: str) -> str:
    part = ' class="part"' if row.is_part else ""
    others = "".join(
        f'<td class="n" data-label="{head.mark}"><a class="plain num" href="{escape(head.address)}">{text}</a></td>\n'
        f'<td class="n" data-label="">{delta_html(delta)}</td>\n'
        for head, text, delta in row.others
    )
    return f"""<tr{part}>
<th scope="row">{escape(row.title)}</th>
{own}{row.first}</a></td>
{others}</tr>
"""


def delta_html(delta: Delta | None) -> str:
    if not delta or not delta.amount:
        return f'<span class="quiet">{"=" if delta else "–"}</span>'
    judged = "quiet" if delta.better is None else "good" if delta.better else "bad"
    arrow = "≈" if delta.is_noise else "↓" if delta.amount < 0 else "↑"
    share = f'&ensp;<span class="share">{delta.share}</span>' if delta.share else ""
    return f'<span class="delta num {judged}">{arrow}&thinsp;{delta.text}{share}</span>'


# --- Tasks ------------------------------------------------------------------------------------------------------------
class TaskTable:
    """``address``: of the comparison, to which forms that match another task lead; ``fields`` is its query.
    ``outputs``: the address at which outputs are compared."""

    def __init__(self, heads: Iterable[Head], *, address: str, fields: Iterable[tuple[str, str]], outputs: str) -> None:
        self._outputs = escape(outputs)
        kept = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields)
        self._form = f'<form method="get" action="{escape(address)}" class="row-of">{kept}'
        self._options: Mapping[str, _Options] = {head.mark: _Options(head) for head in heads if not head.is_baseline}

    def rows(self, rows: Iterable[Row]) -> SafeString:
        return SafeString("".join(map(self._row, rows)))

    def _row(self, row: Row) -> str:
        guess = ' <span class="label-of warn">matched by likeness</span>' if row.has_guess else ""
        cells = "".join(_cell(cell) if cell.head.is_baseline else self._compared(row, cell) for cell in row.cells)
        return f'<tr>\n<th scope="row" class="break">{shown(row.name, 80)}{guess}</th>\n{cells}</tr>\n'

    def _compared(self, row: Row, cell: Cell) -> str:
        outputs = ""
        if cell.outputs:
            address = f"{self._outputs}?{escape(cell.outputs)}"
            outputs = f'<div><a class="small" href="{address}">outputs</a></div>\n'
        match = self._match(row, cell) if cell.can_match else ""
        return f"""{_cell(cell)}<td class="n">
{delta_html(cell.cost_delta)}
<div>{delta_html(cell.time_delta)}</div>
{outputs}{match}</td>
"""

    def _match(self, row: Row, cell: Cell) -> str:
        mark = cell.head.mark
        own = "" if cell.cell is None else cell.cell.task.key
        return f"""<details class="more">
<summary>match<span class="visually-hidden"> another task of {mark}</span></summary>
{self._form}<input type="hidden" name="old" value="{escape(row.key)}">
<select class="form-select w-auto" name="new" aria-label="{shown(row.name, NAME_CHARS)} is, in {mark}">
{self._options[mark].chosen(own)}</select>
<button class="btn btn-sm">Match</button></form>
</details>
"""


class _Options:
    """The tasks of one side to choose from, which each of its cells offers: written once."""

    def __init__(self, head: Head) -> None:
        tasks = [(task.key, task.name or task.key) for task in head.side.tasks[:SHOWN_TASKS]]
        named = [*tasks, ("", "none of them")]
        self._begins = [f'<option value="{escape(key)}"' for key, _ in named]
        self._ends = [f">{shown(name, NAME_CHARS)}</option>\n" for _, name in named]
        self._plain = [begin + end for begin, end in zip(self._begins, self._ends, strict=True)]
        self._places = {key: place for place, (key, _) in enumerate(named)}

    def chosen(self, key: str) -> str:
        """All of them, this one selected if it is among them."""
        options, place = self._plain, self._places.get(key)
        if place is not None:
            options = [*options[:place], f"{self._begins[place]} selected{self._ends[place]}", *options[place + 1 :]]
        return "".join(options)


def _cell(cell: Cell) -> str:
    label = f'<td class="n" data-label="{cell.head.mark}">'
    if cell.cell is None:
        return f'{label}<span class="quiet">{"left out" if cell.how == "removed" else "–"}</span></td>\n'
    plural = "" if cell.calls == "1" else "s"
    return f"""{label}
<a class="plain num fw-medium" href="{escape(cell.address)}">{cell.cost}</a>
<div class="num">{cell.took}</div>
<div class="quiet num">{cell.tokens} tokens, {cell.calls} call{plural}</div>
<div class="quiet small">{_who(cell.cell)}</div>
{_how(cell.how, cell.cell)}</td>
"""


def _who(cell: TaskCell) -> str:
    models = f" · {shown(', '.join(cell.models), NAME_CHARS)}" if cell.models else ""
    return f"{shown(cell.task.agent_role or cell.task.agent, 40)}{models}"


def _how(how: str, cell: TaskCell) -> str:
    if how in ("likeness", "chosen"):
        return f'<div class="small">is {shown(cell.task.name, NAME_CHARS)} there</div>\n'
    return '<span class="label-of">added</span>\n' if how == "added" else ""


# --- Steps ------------------------------------------------------------------------------------------------------------
def step_rows(steps: Sequence[Step]) -> SafeString:
    return SafeString("".join(map(_step, steps)))


def _step(step: Step) -> str:
    way, judged = ("less", "good") if step.better else ("more", "bad")
    return f"""<tr>
<td class="break"><a href="{escape(step.address)}">{shown(step.task, 80)}</a></td>
<td class="break">{escape(step.title)}</td>
<td class="bar-cell whole">{bar(step.x, step.width, way)}</td>
<td class="n"><span class="num {judged}">{step.text}</span></td>
<td class="n num quiet">{step.share}</td>
</tr>
"""


def bar(x: float, width: float, kind: str) -> SafeString:
    """In thousandths of what the table's bars have room for."""
    return SafeString(
        '<svg viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true">\n'
        f'<rect class="{kind}" x="{tenths(x)}" y="1" width="{tenths(width)}" height="12"/>\n</svg>'
    )


# --- Changes ----------------------------------------------------------------------------------------------------------
MARKS = {"added": ("<ins>", "</ins>"), "removed": ("<del>", "</del>"), "same": ("", "")}


def change_rows(changes: Iterable[FieldChange]) -> SafeString:
    return SafeString("".join(map(_change, changes)))


def _change(change: FieldChange) -> str:
    words = "".join(f"{MARKS[kind][0]}{escape(text)}{MARKS[kind][1]}" for kind, text in change.words)
    note = f'<div class="hint">{escape(change.note)}</div>\n' if change.note else ""
    return f"""<tr>
<th scope="row" class="break">{shown(change.label, 120)}</th>
<td class="break whole">
<div class="lines words-of" lang="">{words}</div>
{note}</td>
</tr>
"""
