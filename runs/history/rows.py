"""Runs as rows of the list's table, drawn here: as a template, fifty of them took a third of the page's time."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.history.lines import RunLine
from runs.templatetags.money import cost
from runs.templatetags.times import moment, ticking, took
from runs.templatetags.words import simulated, state, wait

ROW = """<tr>
<td class="tick">
<input class="form-check-input" type="checkbox" form="ticked" name="runs" value="{pk}"
 aria-label="Compare {crew}, {launched_at}">
</td>
<td class="grow">
<a class="fw-medium" href="{address}">{crew}</a> <span class="quiet">{version}</span> {simulated}{about}
</td>
<td data-label="">{state}{waits}</td>
<td class="n" data-label="Cost">{cost}</td>
<td class="n" data-label="Time">{time}</td>
<td class="n" data-label="Tokens">{tokens}</td>
<td class="n" data-label="Calls">{calls}</td>
<td class="break" data-label="By">{by}{api}</td>
<td class="n" data-label="Launched">{launched}</td>
</tr>
"""
ABOUT = '<div class="{} clip">{}</div>'
WAITS = '<div class="quiet">for {}</div>'
API = SafeString(' <span class="label-of">API</span>')


def rows_of(lines: Iterable[RunLine]) -> SafeString:
    """What people and models wrote is escaped. Figures and our own addresses need not be looked through."""
    return SafeString("".join(_row(line) for line in lines))


def _row(line: RunLine) -> SafeString:
    return format_html(
        ROW,
        pk=SafeString(line.pk),
        launched_at=SafeString(f"{line.created_at:%Y-%m-%d %H:%M:%S}"),
        address=SafeString(line.address),
        crew=line.crew,
        version=SafeString(line.version),
        simulated=simulated() if line.simulated else "",
        about=format_html(ABOUT, "bad" if line.failed else "quiet", line.about) if line.about else "",
        state=state(line.state),
        waits=format_html(WAITS, wait(line.waiting_for)) if line.waiting_for else "",
        cost=cost(line),
        time=SafeString(took(line.took_ms)) if line.ended else ticking(line.started_at),
        tokens=SafeString(f"{line.tokens:,}"),
        calls=SafeString(f"{line.calls:,}"),
        by=line.by,
        api=API if line.by_api else "",
        launched=moment(line.created_at),
    )
