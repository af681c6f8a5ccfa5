"""The waterfall of a run's page: each task's calls as bars, by when they ran or by what they cost.

The critical path is dark. Each bar leads to its call and says its figures, to the pointer and to the keyboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from engine.text import counted
from runs.models import Call, Run
from runs.money import dollars
from runs.run.findings.of_run import Findings
from runs.run.timeline import LEAST_WIDTH, SPAN, TICKS, Bar, Timeline, TimelineRow
from runs.templatetags.times import took
from teams.access import Principal

SVG = """<svg viewBox="0 0 1000 18" preserveAspectRatio="none" role="group" aria-label="{}">{}</svg>"""
SPAN_RECT = '<rect class="span" x="{:.1f}" y="7" width="{:.1f}" height="4"/>'
CRITICAL_RECT = '<rect class="critical" x="{:.1f}" y="16" width="{:.1f}" height="2"><title>critical path</title></rect>'
PERSON_RECT = (
    '<rect class="person" x="{:.1f}" y="5" width="{:.1f}" height="8"><title>waited for a person: {}</title></rect>'
)
WAITED_RECT = '<rect class="waited" x="{:.1f}" y="4" width="{:.1f}" height="10"/>'
NOT_FIRST = ' tabindex="-1"'


@dataclass(frozen=True, slots=True)
class DrawnRow:
    name: str
    is_critical: bool
    by_time: SafeString
    by_money: SafeString


@dataclass(frozen=True, slots=True)
class Waterfall:
    """``ticks_nusd``: amounts at equal distances for the axis of money; none if nothing that is shown cost anything."""

    rows: Sequence[DrawnRow]
    ticks_nusd: Sequence[int]
    unpriced: int  # calls that have no bar by money


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    width: float


def waterfall(who: Principal, run: Run, timeline: Timeline | None, findings: Findings) -> Waterfall | None:
    """None before the run has begun."""
    if timeline is None or not timeline.rows:
        return None
    base = reverse("run_calls", kwargs={"team": who.team.slug, "run_id": run.pk})
    calls = sorted((bar.call for row in timeline.rows for bar in row.bars), key=lambda call: call.pk)
    places, total = _by_money(calls)
    scale = SPAN / max(1, 1000 * findings.work_ms)
    rows = [
        DrawnRow(
            row.name,
            row.key in findings.critical,
            _drawn(row, _time_rects(row, findings, scale), [_time_bar(bar, base) for bar in row.bars]),
            _drawn(row, "", [_money_bar(bar.call, places, base) for bar in row.bars if bar.call.pk in places]),
        )
        for row in timeline.rows
    ]
    ticks = [round(total * tick / (TICKS - 1)) for tick in range(TICKS)] if total else []
    return Waterfall(rows, ticks, sum(call.cost_nusd is None and call.state != "intent" for call in calls))


def _by_money(calls: Iterable[Call]) -> tuple[Mapping[object, _Place], int]:
    """Each call's bar begins where the money of the calls before it ends. Also the sum of all, in nano-USD."""
    costs = [(call.pk, call.cost_nusd) for call in calls if call.cost_nusd]
    total = sum(cost for _, cost in costs)
    places: dict[object, _Place] = {}
    spent = 0
    for pk, cost in costs:
        width = max(LEAST_WIDTH, SPAN * cost / total)
        places[pk] = _Place(min(SPAN * spent / total, SPAN - width), width)
        spent += cost
    return places, total


def _drawn(row: TimelineRow, under: str, bars: Sequence[_Bar]) -> SafeString:
    label = f"{truncatechars(row.name, 60)}: {counted(len(bars), 'call')}, {took(row.duration_ms)}"
    inner = SafeString(under + "".join(bar.html(is_first=not place) for place, bar in enumerate(bars)))
    return format_html(SVG, label, inner)


def _time_rects(row: TimelineRow, findings: Findings, scale: float) -> str:
    rects = [SPAN_RECT.format(row.x, row.width)]
    rects += [
        CRITICAL_RECT.format(stretch.start * scale, max(LEAST_WIDTH, (stretch.stop - stretch.start) * scale))
        for stretch in findings.path
        if stretch.task == row.key and stretch.task
    ]
    rects += [PERSON_RECT.format(span.x, span.width, took(span.ms)) for span in row.people]
    rects += [WAITED_RECT.format(bar.waited.x, bar.waited.width) for bar in row.bars if bar.waited]
    return "".join(rects)


@dataclass(frozen=True, slots=True)
class _Bar:
    address: str
    kinds: str
    says: str
    place: _Place

    def html(self, *, is_first: bool) -> str:
        says, tab = escape(self.says), "" if is_first else NOT_FIRST
        place = f'x="{self.place.x:.1f}" y="2" width="{self.place.width:.1f}" height="13"'
        return f"""<a href="{self.address}"{tab} aria-label="{says}" data-says="{says}">
<rect class="bar {self.kinds}" {place}><title>{says}</title></rect></a>"""


def _time_bar(bar: Bar, base: str) -> _Bar:
    return _bar(bar.call, base, _Place(bar.x, bar.width))


def _money_bar(call: Call, places: Mapping[object, _Place], base: str) -> _Bar:
    return _bar(call, base, places[call.pk])


def _bar(call: Call, base: str, place: _Place) -> _Bar:
    kinds = f"{call.kind} is-{call.state}{' reused' if call.cache_hit else ''}"
    return _Bar(f"{base}{call.pk}/", kinds, says(call), place)


def says(call: Call) -> str:
    """A call's figures in words."""
    words = [f"{call.title}: {'open' if call.state == 'intent' else took(call.latency_ms)}"]
    if call.cache_hit:
        words.append("reused")
    elif call.kind == "model" and call.state != "intent":
        words.append("unpriced" if call.cost_nusd is None else dollars(call.cost_nusd))
        words.append(f"{counted(call.prompt_tokens, 'token')} in, {call.completion_tokens:,} out")
    if call.state not in ("ok", "intent"):
        words.append(call.get_state_display().lower())
    if call.waited_ms:
        words.append(f"waited {took(call.waited_ms)} before")
    return ", ".join(words)
