"""Rows of the table of matched rows, drawn here as all long tables are. Texts of people and models are escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from runs.batches.matched.lines import Answer, Line, Side
from runs.compare.drawing.tables import delta_html
from runs.compare.figures import Delta
from runs.run.drawing.text import truncated
from runs.templatetags.money import cost
from runs.templatetags.times import took
from runs.templatetags.words import state
from teams.access import Principal

TITLE_CHARS = 40
NO_RUN = UUID(int=0)
OWN = '<span class="quiet">the crew’s own</span>'
REMOVED = '<span class="quiet">removed as too old</span>'


def line_rows(who: Principal, lines: Iterable[Line]) -> SafeString:
    before, _, behind = reverse("run", kwargs={"team": who.team.slug, "run_id": NO_RUN}).partition(str(NO_RUN))

    def address(side: Side) -> str:
        return f"{before}{side.row.run_id}{behind}"

    return SafeString("".join(_row(line, address) for line in lines))


def _row(line: Line, address: Callable[[Side], str]) -> str:
    sides = line.sides
    numbers = "".join(_number(side, address(side)) for side in sides)
    costs, times = "".join(map(_cost, sides)) + _delta(line.cost), "".join(map(_time, sides)) + _delta(line.time)
    return (
        f'<tr>\n<td class="n" data-label="Row">{numbers}</td>\n'
        f"{''.join(_input(line, title, text) for title, text in line.inputs)}"
        f'<td data-label="State">{_states(line)}</td>\n'
        f"{''.join(map(_answer, line.answers))}"
        f'<td class="n" data-label="Cost">{costs}</td>\n'
        f'<td class="n" data-label="Time">{times}</td>\n'
        "</tr>\n"
    )


def _number(side: Side, address: str) -> str:
    number = str(side.row.position)
    if side.run is not None:
        told = f"open run of row {number} of {side.mark}"
        number = f'<a class="plain" href="{address}" aria-label="{told}">{number}</a>'
    return f"<div>{_mark(side.mark)} {number}</div>"


def _input(line: Line, title: str, text: str | None) -> str:
    run = line.first.run
    told = REMOVED if run is not None and run.texts_removed_at else OWN
    return f'<td class="break whole" data-label="{_title(title)}">{told if text is None else _clipped(text)}</td>\n'


def _states(line: Line) -> str:
    told = str(state(line.first.state))
    if line.states_differ:
        told = "".join(f'<div class="num">{_mark(side.mark)} {state(side.state)}</div>' for side in line.sides)
    errors = (
        f'<div class="clip-3 bad break small" dir="auto" title="error of {side.mark}">{escape(side.error)}</div>'
        for side in line.sides
        if side.error
    )
    return told + "".join(errors)


def _answer(answer: Answer) -> str:
    if answer.differs is False:
        told = f'{_clipped(answer.baseline)}<span class="quiet small">the same</span>'
    else:
        told = "".join(
            f'<div class="of-side">{_mark(mark)} {_clipped(text)}</div>'
            for mark, text in (("A", answer.baseline), ("B", answer.other))
            if text
        )
    return f'<td class="break whole" data-label="{_title(answer.title)}">{told}</td>\n'


def _cost(side: Side) -> str:
    return f"<div>{'–' if side.run is None else cost(side.run)}</div>"


def _time(side: Side) -> str:
    return f"<div>{took(side.run.duration_ms if side.run is not None and side.run.ended else None)}</div>"


def _delta(delta: Delta | None) -> str:
    return f"<div>{delta_html(delta)}</div>" if delta else ""


def _mark(mark: str) -> str:
    return f'<span class="mark">{mark}</span>'


def _clipped(text: str) -> str:
    return f'<div class="clip-3" dir="auto">{escape(text)}</div>'


def _title(text: str) -> str:
    return escape(truncated(text, TITLE_CHARS))
