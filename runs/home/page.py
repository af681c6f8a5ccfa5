"""The first page's figures, in a fixed number of queries, each with the address of the runs that it sums.

Narrowed to one crew they are the figures of its page: by version where the team's are by crew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from agents_app.models import Crew
from runs.bounds.standings import Standing, team_standing
from runs.figures.percentiles import Percentiles, percentiles_of
from runs.figures.scope import Period, Scope
from runs.figures.sums import NONE, Compared, Figures, Key, RunKey, compared_call_sums, compared_run_sums, total
from runs.forecast.month import Forecast
from runs.forecast.queries import crew_forecast, team_forecast
from runs.forecast.words import Line, line
from runs.home.asked import Asked, asked
from runs.home.bars import Bars, stacked
from runs.real_or_simulated import REAL, SIMULATED, money_of
from runs.states import PERSON, Measure, RunState, waste_of
from teams.access import Principal

SHOWN_CREWS = 6
SHOWN_CHANGES = 4
"""Of each kind."""
SHOWN_ASKS = 5
CREW, VERSION = 0, 1
"""Places in the keys of sums over runs."""
OF_RUNS = ("spent_nusd", "unpriced_calls", "runs", "rating_sum", "rating_count")
OF_CALLS = ("spent_nusd",)
"""What the page shows of runs and of calls."""
_NAMES = """
    SELECT version.id, version.number, crew.id, crew.slug, crew.name
    FROM agents_app_crewversion AS version JOIN agents_app_crew AS crew ON crew.id = version.crew_id
    WHERE crew.team_id = %(team)s AND version.id = ANY(%(versions)s)
"""
_KINDS_OF_TEAM = """
    SELECT EXISTS (SELECT 1 FROM runs_run WHERE team_id = %(of)s AND NOT simulated),
           EXISTS (SELECT 1 FROM runs_run WHERE team_id = %(of)s AND simulated)
"""
# Version by version, of which an index knows the kind: a crew has many runs and few versions.
_KINDS_OF_CREW = """
    SELECT bool_or(EXISTS (SELECT 1 FROM runs_run WHERE version_id = version.id AND NOT simulated)),
           bool_or(EXISTS (SELECT 1 FROM runs_run WHERE version_id = version.id AND simulated))
    FROM agents_app_crewversion AS version WHERE version.crew_id = %(of)s
"""


_ASKS = """
    SELECT run.id, crew.name, run.waiting_for FROM runs_run AS run JOIN agents_app_crew AS crew ON crew.id = run.crew_id
    WHERE run.team_id = %(team)s AND run.state = 'waiting'
    ORDER BY run.waiting_for <> %(person)s, run.paused_at LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """A run that waits for a person or for money."""

    pk: UUID
    crew: str
    waiting_for: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a crew, a version or a model cost in the period, and in the one before."""

    kind: str  # "crew", "version" or "model"
    name: str
    spent_nusd: int
    before_nusd: int
    q: str  # the filter of its runs; those of a model may have asked others too
    q_before: str  # of those of the period before

    @property
    def difference_nusd(self) -> int:
        return self.spent_nusd - self.before_nusd

    @property
    def is_comparable(self) -> bool:
        """Whether it cost something in both periods, so that Compare can say why it was more or less."""
        return bool(self.spent_nusd and self.before_nusd)


@dataclass(frozen=True, slots=True)
class CrewFigures:
    """One crew's figures of the period."""

    name: str
    figures: Figures
    failed: int
    waste_nusd: int
    q: str

    @property
    def mean(self) -> Figures:
        """The cost of a run, with what is not known of it."""
        mean_nusd = round(self.figures.spent_nusd / self.figures.runs)
        return Figures(spent_nusd=mean_nusd, unpriced_calls=self.figures.unpriced_calls)


@dataclass(frozen=True, slots=True)
class Waste:
    """Money that gave nothing, by reason."""

    reason: str
    nusd: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """What runs cost or took, in the period and in the one before."""

    now: Percentiles
    before: Percentiles


@dataclass(frozen=True, slots=True)
class Home:
    """What the page shows."""

    crew: Crew | None  # the one that it is narrowed to
    asked: Asked
    simulated: bool
    has_runs: bool  # whether there are any runs at all, of whatever kind
    month: Standing | None  # of the month's bill; None where simulated runs or those of one crew are shown
    forecast: Forecast  # of the present month, of the same runs
    total: Figures
    before: Figures
    states: Mapping[str, int]
    states_before: Mapping[str, int]
    cost: Distribution
    duration: Distribution
    waste: Sequence[Waste]
    waste_nusd: int
    waste_before_nusd: int
    bars: Bars
    changes: Sequence[Change]
    crews: Sequence[CrewFigures]  # the dearest first; none where the page is narrowed to one
    asks: Sequence[Ask]  # what waits for a person or for money; of the whole team
    q: str  # the filter of all runs of the period

    @property
    def ok_share(self) -> float | None:
        return _ok_share(self.states)

    @property
    def ok_share_before(self) -> float | None:
        return _ok_share(self.states_before)

    @property
    def waste_share(self) -> float | None:
        return self.waste_nusd / self.total.spent_nusd if self.total.spent_nusd else None

    @property
    def difference_nusd(self) -> int:
        return self.total.spent_nusd - self.before.spent_nusd

    @property
    def money(self) -> str:
        """Which runs these are, as an address says it."""
        return SIMULATED if self.simulated else REAL

    @property
    def forecast_line(self) -> Line:
        return line(self.forecast)

    @property
    def told(self) -> Sequence[Change]:
        """The crews, or of one crew the versions, that made most of the difference."""
        kind = "version" if self.crew else "crew"
        return [one for one in self.changes if one.kind == kind][:3]

    @property
    def wasteful(self) -> Sequence[CrewFigures]:
        wasting = [crew for crew in self.crews if crew.waste_nusd]
        return sorted(wasting, key=lambda crew: -crew.waste_nusd)[:SHOWN_CREWS]

    @property
    def dearest(self) -> Sequence[CrewFigures]:
        return self.crews[:SHOWN_CREWS]


def home(who: Principal, query: Mapping[str, str], *, remembered: str = "", crew: Crew | None = None) -> Home:
    """The figures of the period that is asked for, of the team or of one crew.

    ``remembered``: which kind of runs the reader last chose. A crew that has none of that kind shows its others.
    """
    now = timezone.now()
    wanted = asked(query, now)
    kinds = _kinds(who, crew)
    if crew is not None and (remembered == SIMULATED) not in kinds:
        remembered = ""
    simulated = _is_simulated(money_of(query) or remembered, kinds)
    scope = Scope(who, simulated=simulated, period=wanted.period, crew=crew)
    one: RunKey = "crew" if crew is None else "version"
    runs = compared_run_sums(scope, by=("crew", "version", "state"), only=OF_RUNS, series=(wanted.grain, one))
    calls = compared_call_sums(scope, by=("crew", "model", "cost_class", "state"), only=OF_CALLS)
    names = _Names(who, {version for _, version, _ in (*runs.now, *runs.before)}, scope)
    all_runs, before = total(runs.now.values()), total(runs.before.values())
    month = None if simulated or crew is not None else team_standing(who)
    wasted = _waste_by(calls.now)
    spread, spread_before = percentiles_of([(scope, all_runs.runs), (scope.before, before.runs)])
    return Home(
        crew=crew,
        asked=wanted,
        simulated=simulated,
        has_runs=bool(kinds),
        month=month,
        forecast=_forecast(scope, month),
        total=all_runs,
        before=before,
        states=_by_state(runs.now),
        states_before=_by_state(runs.before),
        cost=Distribution(spread[Measure.COST], spread_before[Measure.COST]),
        duration=Distribution(spread[Measure.DURATION], spread_before[Measure.DURATION]),
        waste=[Waste(reason, nusd) for reason, nusd in sorted(wasted.items(), key=lambda item: -item[1])],
        waste_nusd=sum(wasted.values()),
        waste_before_nusd=sum(_waste_by(calls.before).values()),
        bars=stacked(runs.series, wanted, names.crew if crew is None else names.version, names.q_of_slot),
        changes=_changes(runs, calls, names),
        crews=_crews(runs.now, calls.now, names) if crew is None else (),
        asks=_asks(who) if crew is None else (),
        q=names.q(),
    )


class _Names:
    """Names of crews and versions, and the filters that list their runs."""

    def __init__(self, who: Principal, versions: Collection[int], scope: Scope) -> None:
        """Of these versions and their crews. One query."""
        self._crews: dict[int, tuple[str, str]] = {}
        self._versions: dict[int, tuple[int, int]] = {}
        with connection.cursor() as cursor:
            cursor.execute(_NAMES, {"team": who.team.pk, "versions": list(versions)})
            for version, number, crew, slug, name in cursor.fetchall():
                self._versions[version] = crew, number
                self._crews[crew] = slug, name
        self._simulated = "yes" if scope.simulated else "no"
        self.of_one_crew = scope.crew is not None
        self._of_crew = () if scope.crew is None else (f"crew:={scope.crew.slug}",)
        self._period = scope.period

    def crew(self, crew: int) -> str:
        return self._crews[crew][1]

    def version(self, version: int) -> str:
        crew, number = self._versions[version]
        return f"v{number}" if self.of_one_crew else f"{self.crew(crew)} v{number}"

    def q(self, *words: str, period: Period | None = None) -> str:
        period = period or self._period
        within = f"since:{period.since:%Y-%m-%dT%H:%MZ} until:{period.until:%Y-%m-%dT%H:%MZ}"
        return " ".join([*dict.fromkeys((*self._of_crew, *words)), f"simulated:{self._simulated}", within])

    def q_of_crew(self, crew: int, period: Period | None = None) -> str:
        return self.q(f"crew:={self._crews[crew][0]}", period=period)

    def q_of_version(self, version: int, period: Period | None = None) -> str:
        crew, number = self._versions[version]
        return self.q(f"crew:={self._crews[crew][0]}", f"version:{number}", period=period)

    def q_of_model(self, model: str, period: Period | None = None) -> str:
        return self.q(f"model:={model}", period=period)

    def both(self, q_of: Callable[[Any, Period], str], what: Any) -> tuple[str, str]:
        """The filters of the period's runs and of those of the period before."""
        return q_of(what, self._period), q_of(what, self._period.before)

    def q_of_slot(self, since: datetime, until: datetime) -> str:
        period = Period(max(since, self._period.since), min(until, self._period.until))
        return self.q(period=period)


def _kinds(who: Principal, crew: Crew | None) -> Mapping[bool, bool]:
    """Whether there are real runs, and whether there are simulated ones; kinds without runs are left out. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_KINDS_OF_TEAM if crew is None else _KINDS_OF_CREW, {"of": (crew or who.team).pk})
        real, simulated = cursor.fetchone()
    return {kind: True for kind, is_there in ((False, real), (True, simulated)) if is_there}


def _is_simulated(chosen: str, kinds: Mapping[bool, bool]) -> bool:
    """As chosen; else real runs if there are any."""
    if chosen in (REAL, SIMULATED):
        return chosen == SIMULATED
    return bool(kinds) and False not in kinds


def _by(sums: Mapping[Key, Figures], place: int) -> dict[Any, Figures]:
    added: defaultdict[Any, Figures] = defaultdict(Figures)
    for key, figures in sums.items():
        added[key[place]] += figures
    return dict(added)


def _by_state(sums: Mapping[Key, Figures]) -> dict[str, int]:
    return {state: figures.runs for state, figures in _by(sums, 2).items()}


def _ok_share(states: Mapping[str, int]) -> float | None:
    """Which part of the runs that ended by themselves succeeded; None if none did."""
    ended = states.get(RunState.SUCCEEDED, 0) + states.get(RunState.FAILED, 0)
    return states.get(RunState.SUCCEEDED, 0) / ended if ended else None


def _waste_by(calls: Mapping[Key, Figures]) -> dict[str, int]:
    """Wasted nano-dollars by reason; ``calls`` by crew, model, cost class and state."""
    wasted: defaultdict[str, int] = defaultdict(int)
    for (_, _, cost_class, state), figures in calls.items():
        if (reason := waste_of(cost_class, state)) and figures.spent_nusd:
            wasted[reason] += figures.spent_nusd
    return dict(wasted)


def _changes(runs: Compared, calls: Compared, names: _Names) -> list[Change]:
    """What grew or shrank most: crews, unless there is but one, versions and models; of each the largest differences
    first.
    """
    crews = [] if names.of_one_crew else _pairs(_by(runs.now, CREW), _by(runs.before, CREW))
    versions = _pairs(_by(runs.now, VERSION), _by(runs.before, VERSION))
    models = _pairs(_by(calls.now, 1), _by(calls.before, 1))
    return [
        *_largest(Change("crew", names.crew(crew), *pair, *names.both(names.q_of_crew, crew)) for crew, pair in crews),
        *_largest(
            Change("version", names.version(one), *pair, *names.both(names.q_of_version, one)) for one, pair in versions
        ),
        *_largest(
            Change("model", model, *pair, *names.both(names.q_of_model, model)) for model, pair in models if model
        ),
    ]


def _largest(changes: Iterable[Change]) -> list[Change]:
    moved = [one for one in changes if one.difference_nusd]
    return sorted(moved, key=lambda one: -abs(one.difference_nusd))[:SHOWN_CHANGES]


def _pairs(now: Mapping[Any, Figures], before: Mapping[Any, Figures]) -> list[tuple[Any, tuple[int, int]]]:
    keys = dict.fromkeys((*now, *before))
    return [(key, (now.get(key, NONE).spent_nusd, before.get(key, NONE).spent_nusd)) for key in keys]


def _crews(sums: Mapping[Key, Figures], calls: Mapping[Key, Figures], names: _Names) -> list[CrewFigures]:
    failed: defaultdict[int, int] = defaultdict(int)
    wasted: defaultdict[int, int] = defaultdict(int)
    for (crew, _, state), figures in sums.items():
        failed[crew] += figures.runs if state == RunState.FAILED else 0
    for (crew, _, cost_class, state), figures in calls.items():
        wasted[crew] += figures.spent_nusd if waste_of(cost_class, state) else 0
    crews = [
        CrewFigures(names.crew(crew), figures, failed[crew], wasted[crew], names.q_of_crew(crew))
        for crew, figures in _by(sums, 0).items()
    ]
    return sorted(crews, key=lambda crew: (-crew.figures.spent_nusd, crew.name))


def _asks(who: Principal) -> list[Ask]:
    """Runs that wait for a person's word, then those that wait for money; of each the longest waiting first. One
    query."""
    with connection.cursor() as cursor:
        cursor.execute(_ASKS, {"team": who.team.pk, "person": PERSON, "most": SHOWN_ASKS})
        return [Ask(*row) for row in cursor.fetchall()]


def _forecast(scope: Scope, month: Standing | None) -> Forecast:
    """Of the team's present month, or of the one crew's."""
    if scope.crew is not None:
        return crew_forecast(scope.who.team, scope.crew, simulated=scope.simulated)
    budget_nusd = None if month is None else month.budget_nusd
    return team_forecast(scope.who.team, simulated=scope.simulated, budget_nusd=budget_nusd)
