"""A picture of what was spent over time: a column for each hour or day, divided by crew, or by version of one crew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runs.figures.sums import NONE, Figures, Grain, Key
from runs.home.asked import Asked

WIDTH, HEIGHT = 1000.0, 180.0
TICKS = 8
STEPS: Mapping[Grain, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
SHOWN = 6
"""Crews with a colour of their own; the others are drawn together."""
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Part:
    """A crew's part of a column."""

    place: int  # its colour
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One hour, day or week."""

    since: datetime
    x: float
    width: float
    parts: Sequence[Part]
    figures: Figures
    amounts: Sequence[int]  # nano-dollars by crew, in the order of ``Bars.crews``
    q: str  # the filter of its runs


@dataclass(frozen=True, slots=True)
class Bars:
    """The whole picture. ``crews`` names the parts, the dearest first."""

    crews: Sequence[str]
    columns: Sequence[Column]
    most_nusd: int
    grain: Grain

    @property
    def ticks(self) -> Sequence[Column]:
        """The columns whose moments are written below the picture."""
        return self.columns[:: max(1, -(-len(self.columns) // TICKS))]


def stacked(
    series: Mapping[Key, Figures],
    wanted: Asked,
    name_of: Callable[[int], str],
    q_of: Callable[[datetime, datetime], str],
) -> Bars:
    """``series``: figures by the moment at which a column begins, and crew. Columns without runs are drawn empty."""
    step = STEPS[wanted.grain]
    spent: defaultdict[int, int] = defaultdict(int)
    for (_, crew), figures in series.items():
        spent[crew] += figures.spent_nusd
    shown = sorted((crew for crew in spent if spent[crew]), key=lambda crew: -spent[crew])[:SHOWN]
    others = len(spent) > len(shown)
    totals: defaultdict[datetime, Figures] = defaultdict(Figures)
    rests: defaultdict[datetime, int] = defaultdict(int)
    for (moment, crew), figures in series.items():
        totals[moment] += figures
        rests[moment] += 0 if crew in shown else figures.spent_nusd
    columns = [
        _Slot(
            since,
            totals[since],
            [series.get((since, crew), NONE).spent_nusd for crew in shown] + [rests[since]] * others,
        )
        for since in _moments(wanted, step)
    ]
    most = max((slot.total.spent_nusd for slot in columns), default=0)
    width = WIDTH / max(1, len(columns))
    return Bars(
        crews=[*map(name_of, shown), *([OTHERS] if others else [])],
        columns=[
            slot.drawn(place * width, width, most, q_of(slot.since, slot.since + step))
            for place, slot in enumerate(columns)
        ],
        most_nusd=most,
        grain=wanted.grain,
    )


@dataclass(frozen=True, slots=True)
class _Slot:
    since: datetime
    total: Figures
    amounts: Sequence[int]

    def drawn(self, x: float, width: float, most: int, q: str) -> Column:
        parts, y = [], HEIGHT
        for place, amount in enumerate(self.amounts):
            height = round(HEIGHT * amount / most, 2) if most else 0.0
            y -= height
            if height:
                parts.append(Part(place, round(y, 2), height))
        return Column(self.since, round(x, 2), round(width * 0.86, 2), parts, self.total, self.amounts, q)


def _moments(wanted: Asked, step: timedelta) -> list[datetime]:
    moment = wanted.period.since
    if wanted.grain != "hour":
        moment = moment.replace(hour=0)
    if wanted.grain == "week":
        moment -= timedelta(days=moment.weekday())
    moments = []
    while moment < wanted.period.until:
        moments.append(moment)
        moment += step
    return moments
