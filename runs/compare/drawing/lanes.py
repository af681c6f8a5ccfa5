"""One task of a run as a lane: its calls as bars, and what they waited for. Every text of others is escaped."""

from __future__ import annotations

from html import escape

from django.utils.safestring import SafeString

from engine.text import counted
from runs.compare.drawing.text import shown
from runs.models import Call
from runs.money import sign_of
from runs.run.drawing.text import tenths
from runs.run.timeline import Bar, Span, TimelineRow
from runs.templatetags.money import in_digits
from runs.templatetags.times import took


def lanes(rows: tuple[TimelineRow, ...]) -> SafeString:
    """The name of each row, and beside it its lane, drawn in thousandths of the axis."""
    return SafeString("".join(_lane(row) for row in rows))


def _lane(row: TimelineRow) -> str:
    people = "".join(_person(span) for span in row.people)
    return f"""<div class="clip" title="{shown(row.name, 200)}">{shown(row.name, 60)}</div>
<svg viewBox="0 0 1000 18" preserveAspectRatio="none" role="img" aria-label="{_label(row)}">
<rect class="span" x="{tenths(row.x)}" y="7" width="{tenths(row.width)}" height="4"/>
{people}{"".join(map(_bar, row.bars))}</svg>
"""


def _label(row: TimelineRow) -> str:
    words = [f"{shown(row.name, 60)}: {counted(len(row.bars), 'call')}, {took(row.duration_ms)}"]
    words += [f"waited {took(row.waited_ms)} for the provider"] * bool(row.waited_ms)
    words += [f"waited {took(row.people_ms)} for a person"] * bool(row.people_ms)
    return ", ".join(words)


def _person(span: Span) -> str:
    return f"""<rect class="person" x="{tenths(span.x)}" y="5" width="{tenths(span.width)}" height="8">
<title>waited for a person: {took(span.ms)}</title></rect>
"""


def _bar(bar: Bar) -> str:
    call, title = bar.call, escape(bar.call.title)
    kinds = f"{call.kind} is-{call.state}{' reused' if call.cache_hit else ''}"
    waited = "" if bar.waited is None else _waited(title, bar.waited)
    return f"""{waited}<rect class="bar {kinds}" x="{tenths(bar.x)}" y="2" width="{tenths(bar.width)}" height="14">
<title>{title}: {took(call.latency_ms)}{_cost(call)}</title></rect>
"""


def _waited(title: str, span: Span) -> str:
    return f"""<rect class="waited" x="{tenths(span.x)}" y="4" width="{tenths(span.width)}" height="10">
<title>{title}: waited {took(span.ms)} for its turn at the provider</title></rect>
"""


def _cost(call: Call) -> str:
    if call.cache_hit:
        return ", reused"
    if call.kind != "model" or call.state == "intent":
        return ""
    nusd = call.cost_nusd
    if nusd is None:
        return ", unpriced"
    return f", {sign_of(nusd)}${in_digits(nusd)}" if nusd else ", $0"
