"""What the pages of schedules show. ``actions`` decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.catalogue.model_ids import is_simulated
from engine.spec.crew_spec import CrewSpec
from engine.spec.named_models import models_of
from runs.batches.kept_inputs import misfit, named_version
from runs.batches.mapping import filling, of_inputs
from runs.batches.page import ColumnChoice
from runs.bounds import run_caps
from runs.models import DataSetVersion, Schedule, ScheduleTime
from runs.months import now as database_now
from runs.schedules.forms import COLUMN
from runs.schedules.order import time_complaints
from runs.schedules.queries import ScheduleHistory, history
from runs.schedules.times import Timetable, timetable
from runs.schedules.words import OFF, OUTCOMES, counted_times
from runs.states import RunState, ScheduleOff, TimeOutcome
from teams.access import Principal
from teams.refusals import Invalid

COLOURS = {
    TimeOutcome.REFUSED: RunState.FAILED,
    TimeOutcome.MISSED: RunState.FAILED,
    TimeOutcome.SKIPPED: RunState.CANCELLED,
    TimeOutcome.OFF: RunState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class NextTimes:
    """What an expression comes to, or what is wrong with it."""

    times: Sequence[str]
    complaints: Sequence[str]


def next_times(cron: str, time_zone: str) -> NextTimes:
    """``cron`` may be half typed."""
    if not cron.strip():
        return NextTimes((), ())
    if complaints := time_complaints(cron, time_zone):
        return NextTimes((), list(complaints.values()))
    table = timetable(cron, time_zone)
    return NextTimes([table.in_words(moment) for moment in table.next_times(database_now())], ())


@dataclass(frozen=True, slots=True)
class TimeLine:
    time: ScheduleTime
    when: str
    word: str

    @property
    def colour(self) -> str:
        """The state of runs that has the colour."""
        return COLOURS.get(TimeOutcome(self.time.outcome), self.time.outcome)


@dataclass(frozen=True, slots=True)
class SchedulePage:
    detail: ScheduleHistory
    lines: Sequence[TimeLine]
    why_off: str
    so_far: str  # how many of its times there were

    @property
    def schedule(self) -> Schedule:
        return self.detail.schedule


def schedule_page(schedule: Schedule, *, cursor: str) -> SchedulePage:
    found = history(schedule, cursor=cursor)
    why = OFF[ScheduleOff(schedule.off_for)] if schedule.off_for else ""
    return SchedulePage(found, [line(time, found.table) for time in found.times], why, counted_times(found.counts))


def line(time: ScheduleTime, table: Timetable) -> TimeLine:
    return TimeLine(time, table.in_words(time.due_at), OUTCOMES[TimeOutcome(time.outcome)])


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """A schedule in the list."""

    schedule: Schedule
    next: str
    last: TimeLine | None
    why_off: str


@dataclass(frozen=True, slots=True)
class ColumnsPart:
    """Which column of a set fills each input, and what does not fit; ``kept`` is None where no such set is named."""

    named: str = ""
    kept: DataSetVersion | None = None
    choices: Sequence[ColumnChoice] = ()
    unused: Sequence[str] = ()
    complaint: str = ""

    @property
    def used(self) -> bool:
        """Whether any column fills an input."""
        return any(choice.column for choice in self.choices)


def columns_part(who: Principal, spec: CrewSpec, named: str, chosen: Mapping[str, str]) -> ColumnsPart:
    """``named`` and ``chosen`` as they are typed so far; what is not chosen is proposed."""
    named = named.strip()
    if not named:
        return ColumnsPart()
    try:
        kept = named_version(who, named)
    except Invalid as refusal:
        return ColumnsPart(named, complaint=refusal.fields["dataset"])
    columns = filling(spec, kept.columns, chosen)
    own = of_inputs(spec.inputs)
    choices = [ColumnChoice(f"{COLUMN}{name}", name, column, name in own) for name, column in columns.items()]
    unused = [column for column in kept.columns if column not in columns.values()]
    return ColumnsPart(named, kept, choices, unused, misfit(spec, kept, chosen))


@dataclass(frozen=True, slots=True)
class FormPage:
    """What the form stands among."""

    crew: Crew
    spec: CrewSpec
    version: CrewVersion | None = None
    own_kind: str = ""  # "simulated" if the crew itself names simulated models, so that there is nothing to choose
    caps: str = ""


def form_page(crew: Crew, version: CrewVersion | None) -> FormPage:
    """``version``: that whose inputs are asked for; None: the draft."""
    spec = spec_of(crew) if version is None else CrewSpec.from_json(version.spec)
    own_kind = "simulated" if all(is_simulated(model) for model in models_of(spec)) else ""
    return FormPage(crew, spec, own_kind=own_kind, caps=run_caps.in_words(crew.team))
