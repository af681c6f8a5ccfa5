"""What the page of a month shows. Its figures come from ``Lines`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from runs.bill_sums.counter_lines import CounterLine, LateFigures
from runs.bill_sums.dimensions import DIMENSIONS, LABEL, PART, title_of
from runs.bill_sums.months import label_names, months_of
from runs.bill_sums.sums import FEES, Sums
from runs.bills.asked import NO_VALUE, OVER, SHARED, Asked
from runs.bills.bounds import one_answer
from runs.bills.charges import Charges, charges_of
from runs.bills.lines import Line, Lines, added_by, in_parts, total_of
from runs.bills.months import BillStanding, standing_of
from runs.bills.pivot import MOST_CELLS, Pivot, pivot_of
from runs.bills.values import Names, Value, raw_of
from runs.bills.why import BY, Why, why
from runs.bills.words import Told, told
from runs.figures.scope import Period, Scope
from runs.figures.sums import run_sums
from runs.forecast import words
from runs.forecast.month import Forecast
from runs.forecast.queries import team_forecast
from runs.months import midnight, month_after, month_before, this_month
from teams.access import Principal

CUBE = (*BY, "waste")
"""The dimensions that are read at once: most of the page is sums of these lines."""
KIND = CUBE.index("kind")
FIRST_COUNTER_LINES = 20
SHOWN_PARTS = 12
"""Reasons of the difference that stand on the page at once."""


@dataclass(frozen=True, slots=True)
class Chip:
    """What the page is narrowed to, and the query of the page without it."""

    title: str
    value: Value
    query: str


@dataclass(frozen=True, slots=True)
class BillPage:
    """A month, whole or narrowed."""

    month: date
    simulated: bool
    asked: Asked
    chips: Sequence[Chip]
    is_present: bool
    months: Sequence[date]  # the newest first
    standing: BillStanding | None  # None for simulated money
    total: Sums
    before: Sums | None  # of the month before, even of nothing; None: the team has no earlier month
    before_month: date
    why: Why | None
    told: Sequence[Told]
    pivot: Pivot
    waste: Sequence[Line]
    classes: Sequence[Line]
    parts: Sequence[Line]
    unpriced: Sequence[Line]  # by model
    requests: Sums  # to models
    counter_lines: Sequence[CounterLine]
    late: LateFigures
    forecast: Forecast | None  # of the present month, where the page is not narrowed
    charges: Charges | None
    choices: Sequence[tuple[str, str]]  # dimensions with their titles
    label_choices: Sequence[tuple[str, str]]  # whom costs can be charged to
    crews: Sequence[Value]

    @property
    def can_close(self) -> bool:
        """Whether it is a bill that somebody may still close."""
        return bool(self.standing) and not (self.simulated or self.is_present or self.closed_at)

    @property
    def closed_at(self) -> datetime | None:
        return self.standing.closed_at if self.standing else None

    @property
    def forecast_line(self) -> words.Line | None:
        return words.line(self.forecast) if self.forecast else None

    @property
    def budget(self) -> BillStanding | None:
        """None where the page is narrowed: nobody set a budget for that."""
        return None if self.asked.only else self.standing

    @property
    def wasted(self) -> Sums:
        return total_of(self.waste)

    @property
    def waste_share(self) -> float | None:
        return self.wasted.spent_nusd / self.total.spent_nusd if self.total.spent_nusd else None

    @property
    def priced_share(self) -> float | None:
        """Which part of the requests to models has a known price."""
        return 1 - self.requests.unpriced_calls / self.requests.calls if self.requests.calls else None

    @property
    def is_empty(self) -> bool:
        return _is_empty(self.total)

    @property
    def before_is_empty(self) -> bool:
        return self.before is not None and _is_empty(self.before)

    @property
    def saved_nusd(self) -> int:
        return self.total.saved_nusd + self.total.cache_saved_nusd

    @property
    def tokens(self) -> Sequence[Line]:
        """The parts of the cost that are tokens, and what is not divided."""
        return [line for line in self.parts if line.values[0].code not in FEES]

    @property
    def fees(self) -> Sequence[Line]:
        return [line for line in self.parts if line.values[0].code in FEES]

    @property
    def earlier(self) -> date | None:
        return next((month for month in self.months if month < self.month), None)

    @property
    def later(self) -> date | None:
        return next((month for month in reversed(self.months) if month > self.month), None)


def bill_page(who: Principal, month: date, asked: Asked, *, simulated: bool) -> BillPage:
    """``Invalid`` if it is narrowed to what there is not, has too many lines or takes too long, and ``Busy``."""
    with one_answer():
        return page_of(Lines(who, month, simulated, asked.only), asked)


def page_of(lines: Lines, asked: Asked) -> BillPage:
    """``bill_page`` within an answer that is bounded already. ``lines`` are narrowed to what ``asked`` says."""
    who, month, simulated = lines.who, lines.month, lines.simulated
    cube = lines.every(*CUBE, field="month")
    total = total_of(cube)
    months = months_of(who, simulated=simulated)
    earlier, has_earlier = month_before(month), months[-1] < month
    cube_before = replace(lines, month=earlier).every(*CUBE, field="month") if has_earlier else []
    reasons = _why(who, cube_before, cube, (earlier, month), lines) if has_earlier else None
    labels = label_names(who)
    present = this_month()
    return BillPage(
        month=month,
        simulated=simulated,
        asked=asked,
        chips=_chips(who, lines, asked),
        is_present=month == present,
        months=months,
        standing=standing_of(who, month, simulated=simulated),
        total=total,
        before=total_of(cube_before) if has_earlier else None,
        before_month=earlier,
        why=reasons,
        told=told(reasons) if reasons else (),
        pivot=_pivot(lines, cube, asked.by, total),
        waste=[line for line in _by(cube, "waste") if line.values[0].code],
        classes=_by(cube, "class"),
        parts=in_parts([Line((), total)], 0),
        unpriced=_unpriced(cube),
        requests=total_of([line for line in cube if line.values[KIND].code == "model"]),
        counter_lines=lines.counter_lines(FIRST_COUNTER_LINES) if total.counter_lines else (),
        late=lines.late_figures(),
        forecast=team_forecast(who.team, simulated=simulated) if month == present and not asked.only else None,
        charges=charged(lines, asked) if asked.over else None,
        choices=_choices(labels, asked.by),
        label_choices=[*((f"{LABEL}{name}", name) for name in labels), ("person", "person"), ("token", "API token")],
        crews=[line.values[0] for line in _by(cube, "crew")],
    )


def _pivot(lines: Lines, cube: Sequence[Line], by: Sequence[str], total: Sums) -> Pivot:
    cells = divided(lines, cube, by)
    if len(by) < 2 or len(cells) < MOST_CELLS:
        return pivot_of(by, cells, total)
    rows, columns = (divided(lines, cube, (name,)) for name in by)
    return pivot_of(by, cells, total, rows=rows, columns=columns)


def divided(lines: Lines, cube: Sequence[Line], by: Sequence[str]) -> list[Line]:
    """The month by one or two dimensions: from the cube where it has them."""
    plain = [name for name in by if name != PART]
    if all(name in CUBE for name in plain):
        found = added_by(cube, *(CUBE.index(name) for name in plain))
        return in_parts(found, by.index(PART)) if PART in by else found
    return lines.by(*by, most=MOST_CELLS)


def charged(lines: Lines, asked: Asked) -> Charges:
    """The month charged to the values of ``asked.over``. ``Invalid`` for a shared crew that there is not, and for too
    many lines."""
    if asked.shared != NO_VALUE:
        raw_of(lines.who, "crew", asked.shared, field=SHARED)

    def is_shared(line: Line) -> bool:
        return not line.values[0].code if asked.shared == NO_VALUE else line.values[1].code == asked.shared

    return charges_of(lines.every(asked.over, "crew", field=OVER), is_shared, asked.weigh)


def _by(cube: Sequence[Line], name: str) -> list[Line]:
    return added_by(cube, CUBE.index(name))


def _unpriced(cube: Sequence[Line]) -> list[Line]:
    """By model, the most calls first."""
    found = [line for line in _by(cube, "model") if line.sums.unpriced_calls]
    return sorted(found, key=lambda line: -line.sums.unpriced_calls)


def _why(who: Principal, before: Sequence[Line], now: Sequence[Line], months: tuple[date, date], lines: Lines) -> Why:
    of_split = range(len(BY))
    return why(added_by(before, *of_split), added_by(now, *of_split), _runs(who, months, lines))


def _runs(who: Principal, months: tuple[date, date], lines: Lines) -> dict[str, tuple[int, int]]:
    """How many runs of each crew were launched in the two months. Nothing where the page is narrowed to less than
    crews: nobody counts runs by models or people."""
    if set(lines.only) - {"crew"}:
        return {}
    counts = []
    for month in months:
        period = Period(midnight(month), midnight(month_after(month)))
        scope = Scope(who, simulated=lines.simulated, period=period)
        counts.append({key: sums.runs for key, sums in run_sums(scope, by=("crew",), only=("runs",)).items()})
    keys = {**counts[0], **counts[1]}
    names = Names(who, ("crew",), keys)
    return {names.of(key)[0].code: (counts[0].get(key, 0), counts[1].get(key, 0)) for key in keys}


def _is_empty(sums: Sums) -> bool:
    return not (sums.calls or sums.counter_lines)


def _chips(who: Principal, lines: Lines, asked: Asked) -> list[Chip]:
    if not asked.only:
        return []
    found = lines.by(*asked.only, most=1)
    values = found[0].values if found else tuple(Value(code, code or "none") for code in asked.only.values())
    return [
        Chip(title_of(name), value, asked.without(name).query()) for name, value in zip(asked.only, values, strict=True)
    ]


def _choices(labels: Sequence[str], by: Sequence[str]) -> list[tuple[str, str]]:
    names = (*DIMENSIONS, PART, *(f"{LABEL}{name}" for name in labels), *by)
    return [(name, title_of(name)) for name in dict.fromkeys(names)]
