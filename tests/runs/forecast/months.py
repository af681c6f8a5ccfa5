"""Generated months of teams of several kinds, and how often their totals lie within the ranges that were forecast.

The seed is fixed, so that the table in ``docs/forecast.md`` can be made again: ``bench/forecast.py`` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import exp, log
from random import Random

from runs.forecast.month import DAY, forecast, next_month

SEED = 20261129
FIRST = date(2026, 6, 1)
DAYS = 122  # to the end of September
MONTHS = (date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1))
HOURS = (0.5, 10.0, 18.0)
OPENS, CLOSES = 8.0, 18.0
"""When offices spend their money, in UTC."""


@dataclass(frozen=True)
class Team:
    """What it spends on each day from ``FIRST`` on, in 1e-9 USD. ``in_hours``: only while offices are open."""

    amounts: list[int]
    in_hours: bool

    def by(self, day: date, hour: float) -> int:
        """What it has spent of the day's amount by that hour."""
        of_day = self.amounts[(day - FIRST).days]
        gone = (hour - OPENS) / (CLOSES - OPENS) if self.in_hours else hour / 24
        return int(of_day * min(1.0, max(0.0, gone)))


Factor = Callable[[date, int, Random], float]
OFFICE_HOURS = ("weekdays alone", "fewer on weekends", "growing", "shrinking", "restless", "a step")


def _weekdays(day: date, weekend: float) -> float:
    return weekend if day.weekday() >= 5 else 1.0


def _kinds(chance: Random) -> Mapping[str, Factor]:
    growth, batch = chance.uniform(0.003, 0.012), chance.randrange(7)
    step_at, step = chance.randrange(30, DAYS - 10), chance.choice((0.5, 0.7, 1.5, 2.0))
    levels = list(_walk(chance))
    return {
        "steady": lambda day, place, luck: 1.0,
        "weekdays alone": lambda day, place, luck: _weekdays(day, luck.choice((0.0, 0.05))),
        "fewer on weekends": lambda day, place, luck: _weekdays(day, 0.3),
        "bursty": lambda day, place, luck: exp(luck.gauss(0, 1.1)),
        "seldom and much": lambda day, place, luck: 10.0 if luck.random() < 0.15 else 0.0,
        "growing": lambda day, place, luck: _weekdays(day, 0.4) * exp(growth * place),
        "shrinking": lambda day, place, luck: _weekdays(day, 0.4) * exp(-growth * place),
        "a batch a week": lambda day, place, luck: 7.0 if day.weekday() == batch else 0.05 * luck.random(),
        "two batches a month": lambda day, place, luck: 15.0 if day.day in (1, 15) else 0.1,
        "restless": lambda day, place, luck: _weekdays(day, 0.2) * levels[place],
        "a step": lambda day, place, luck: _weekdays(day, 0.2) * (step if place >= step_at else 1.0),
    }


def _walk(chance: Random) -> Iterator[float]:
    """A level that wanders and comes back, as that of a team between projects."""
    level = 0.0
    for _ in range(DAYS):
        level = 0.93 * level + chance.gauss(0, 0.15)
        yield exp(level)


KINDS = tuple(_kinds(Random(0)))


def team(kind: str, chance: Random) -> Team:
    usual, noise = exp(chance.uniform(log(2e8), log(5e10))), chance.uniform(0.1, 0.4)
    factor = _kinds(chance)[kind]
    days = [FIRST + place * DAY for place in range(DAYS)]
    amounts = [int(usual * exp(chance.gauss(0, noise)) * factor(day, place, chance)) for place, day in enumerate(days)]
    return Team(amounts, kind in OFFICE_HOURS)


@dataclass
class Held:
    """How often totals lay below, within and above their ranges, and how wide the ranges were beside the totals."""

    below: int = 0
    within: int = 0
    above: int = 0
    unknown: int = 0
    widths: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.below + self.within + self.above

    @property
    def percent(self) -> float:
        return 100 * self.within / self.count

    @property
    def usual_width(self) -> float:
        widths = sorted(self.widths)
        return 100 * widths[len(widths) // 2]


def backtest(kind: str, *, teams: int, most_days: int | None = None) -> Held:
    """Three moments of each team's months. ``most_days``: the team began at most so many days before."""
    chance, held = Random(f"{SEED} {kind} {most_days}"), Held()
    for _ in range(teams):
        made = team(kind, chance)
        for month in MONTHS:
            length = (next_month(month) - month).days
            today, hour = month + timedelta(days=chance.randrange(length)), chance.choice(HOURS)
            began = FIRST if most_days is None else today - timedelta(days=chance.randrange(3, most_days + 1))
            _look(made, held, month, datetime.combine(today, time(), UTC) + timedelta(hours=hour), max(FIRST, began))
    return held


def _look(made: Team, held: Held, month: date, now: datetime, began: date) -> None:
    today, until = now.date(), next_month(month)
    amounts = {FIRST + place * DAY: amount for place, amount in enumerate(made.amounts)}
    seen = {day: amount for day, amount in amounts.items() if began <= day < today}
    seen[today] = made.by(today, (now - datetime.combine(today, time(), UTC)) / timedelta(hours=1))
    spent = sum(amount for day, amount in seen.items() if day >= month)
    total = spent + amounts[today] - seen[today] + sum(amounts[day] for day in amounts if today < day < until)
    found = forecast(seen, month=month, spent_nusd=spent, now=now)
    if found.low_nusd is None or found.high_nusd is None:
        held.unknown += 1
        return
    held.below += total < found.low_nusd
    held.above += total > found.high_nusd
    held.within += found.low_nusd <= total <= found.high_nusd
    held.widths.append((found.high_nusd - found.low_nusd) / max(1, total))


FEW = 14
ROW = "| {:24} | {:>7} | {:>6} | {:>6} | {:>6} | {:>6} |"


def table(*, teams: int) -> Iterator[str]:
    """The back-test as lines of a table in Markdown."""
    yield ROW.format("Team", "moments", "within", "below", "above", "width")
    yield ROW.format("---", "--:", "--:", "--:", "--:", "--:")
    for title, most_days in (("All, eight weeks seen", None), (f"All, 3 to {FEW} days seen", FEW)):
        rows = {kind: backtest(kind, teams=teams, most_days=most_days) for kind in KINDS}
        for kind, held in rows.items():
            yield _row(kind if most_days is None else f"{kind}, few days", held)
        yield _row(title, added(rows.values()))


def added(rows: Iterable[Held]) -> Held:
    every = Held()
    for held in rows:
        every.below, every.within, every.above = (
            every.below + held.below,
            every.within + held.within,
            every.above + held.above,
        )
        every.widths += held.widths
    return every


def _row(title: str, held: Held) -> str:
    shares = (100 * part / held.count for part in (held.within, held.below, held.above))
    return ROW.format(title, held.count, *(f"{share:.0f} %" for share in shares), f"{held.usual_width:.0f} %")
