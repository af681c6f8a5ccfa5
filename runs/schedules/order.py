"""What somebody orders who sets a schedule, what is wrong with it, and what a schedule launches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from agents_app.models import Crew, CrewVersion
from engine.record.limits import RunLimits
from engine.spec.crew_spec import CrewSpec
from engine.text import is_storable
from runs.batches.kept_inputs import mapped_rows, misfit, newest_version
from runs.batches.mapping import ONLY_OF_SETS
from runs.batches.order import (
    MAX_NAME_CHARS,
    USUAL_CONCURRENCY,
    BatchOrder,
    RowChecks,
    bound_complaints,
    of_any_row,
)
from runs.launch.order import (
    LaunchOrder,
    is_simulated_run,
    key_complaints,
    limit_complaints,
    order_complaints,
    price_complaints,
)
from runs.models import DataSet, DataSetVersion, Schedule
from runs.money import to_usd
from runs.schedules.times import BadCron, BadZone, checked_cron, checked_zone
from runs.states import Overlap
from teams.access import Principal
from teams.credentials import TeamCredentials
from teams.refusals import Invalid

BOUNDS = {"budget_usd": "batch_budget_usd"}
"""Fields of a batch that are called otherwise here: what is the budget of a run has the name that launches have."""
NOT_SAVED = "The schedule was not saved."


@dataclass(frozen=True, slots=True)
class ScheduleOrder:
    """``run`` is what each run is launched with; its ``version`` is None for the newest at each launch, and its inputs
    count only without a data set. ``data_set_version``: None for the newest at each launch."""

    name: str
    crew: Crew
    cron: str
    time_zone: str
    run: LaunchOrder = LaunchOrder()
    data_set: DataSet | None = None
    data_set_version: DataSetVersion | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # as a schedule's
    overlap: str = Overlap.SKIP
    catch_up: bool = False
    max_concurrency: int | None = None
    stop_after_failures: int | None = None
    budget_usd: Decimal | None = None  # of each batch as a whole

    def batch(self, version: CrewVersion, kept: DataSetVersion, name: str = "") -> BatchOrder:
        """``Invalid`` if the columns or the rows do not fit the crew."""
        rows = list(mapped_rows(CrewSpec.from_json(version.spec), kept, self.columns).rows)
        return self._batch(rows, version, kept, name)

    def _batch(
        self, rows: list[Mapping[str, str]], version: CrewVersion | None, kept: DataSetVersion | None, name: str
    ) -> BatchOrder:
        return BatchOrder(
            rows=rows,
            run=_of_version(self.run, version),
            name=name[:MAX_NAME_CHARS],
            max_concurrency=self.max_concurrency or USUAL_CONCURRENCY,
            stop_after_failures=self.stop_after_failures,
            budget_usd=self.budget_usd,
            data_set_version=kept,
        )

    def one_run(self, version: CrewVersion) -> LaunchOrder:
        return _of_version(self.run, version)

    def any_batch(self) -> BatchOrder:
        """Without rows, to be checked for its bounds."""
        return self._batch([], None, None, "")


def order_of(schedule: Schedule) -> ScheduleOrder:
    """What was ordered when it was set."""
    bounds = RunLimits(max_calls=schedule.max_calls, max_tokens=schedule.max_tokens, max_seconds=schedule.max_seconds)
    return ScheduleOrder(
        name=schedule.name,
        crew=schedule.crew,
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        run=LaunchOrder(
            inputs=schedule.inputs,
            version=schedule.version,
            budget_usd=_usd(schedule.run_budget_nusd),
            limits=bounds,
            priority=schedule.priority,
            metadata=schedule.metadata,
            simulated=schedule.simulated,
            at_limit=schedule.at_limit or None,
            accept_unpriced=schedule.accepts_unpriced,
        ),
        data_set=schedule.data_set,
        data_set_version=schedule.data_set_version,
        columns=schedule.columns,
        overlap=schedule.overlap,
        catch_up=schedule.catch_up,
        max_concurrency=schedule.max_concurrency,
        stop_after_failures=schedule.stop_after_failures,
        budget_usd=_usd(schedule.budget_nusd),
    )


def version_now(order: ScheduleOrder) -> CrewVersion | None:
    """The one that it names, else the newest; None if the crew has none yet."""
    return order.run.version or order.crew.versions.order_by("-number").first()


def data_set_now(order: ScheduleOrder) -> DataSetVersion | None:
    return None if order.data_set is None else order.data_set_version or newest_version(order.data_set)


def refuse_wrong(who: Principal, order: ScheduleOrder, version: CrewVersion) -> None:
    """``Invalid`` with all that would keep it from being launched now, but for budgets that are used up and quotas."""
    fields: dict[str, str] = {}
    if not 0 < len(order.name.strip()) <= MAX_NAME_CHARS or not is_storable(order.name):
        fields["name"] = f"Give 1 to {MAX_NAME_CHARS} characters."
    if order.overlap not in Overlap.values:
        fields["overlap"] = f"Choose one of {', '.join(Overlap.values)}."
    fields |= time_complaints(order.cron, order.time_zone) | _launch_complaints(who, order, version)
    if fields:
        raise Invalid(NOT_SAVED, fields=fields)


def time_complaints(cron: str, time_zone: str) -> dict[str, str]:
    fields = {}
    try:
        checked_cron(cron)
    except BadCron as fault:
        fields["cron"] = str(fault)
    try:
        checked_zone(time_zone)
    except BadZone as fault:
        fields["time_zone"] = str(fault)
    return fields


def _launch_complaints(who: Principal, order: ScheduleOrder, version: CrewVersion) -> dict[str, str]:
    spec, run, credentials = CrewSpec.from_json(version.spec), order.run, TeamCredentials(who.team)
    fields: dict[str, str] = {}
    if (kept := data_set_now(order)) is not None:
        whole = order.any_batch()
        run = of_any_row(who.team, spec, whole)
        fields |= {BOUNDS.get(name, name): said for name, said in bound_complaints(whole).items()}
        try:
            mapped_rows(spec, kept, order.columns)
        except Invalid as refusal:
            fields["dataset"] = _first_of(refusal)
    own = order_complaints(spec, run) | limit_complaints(who.team, run)
    if order.run.budget_usd is None:  # what is wrong with a share of the whole's budget is said of that
        own.pop("budget_usd", None)
    fields |= own
    fields |= key_complaints(spec, credentials, simulated=run.simulated)
    if not fields and not is_simulated_run(spec, credentials, wanted=run.simulated):
        fields |= price_complaints(who, spec, run)
    if kept is None and order.budget_usd is not None:
        fields["batch_budget_usd"] = "Only batches have a budget of the whole: choose a data set."
    if kept is None and order.columns:
        fields["columns"] = ONLY_OF_SETS
    return fields


def why_unfit(order: ScheduleOrder) -> str:
    """Why its next launch would be refused, by what its crew takes now and the columns of its set now, whose rows are
    not read; "" if they fit. What it launches can change after it was set: either may be of the newest version."""
    version = version_now(order)
    if version is None:
        return "The crew has no version."
    spec = CrewSpec.from_json(version.spec)
    if (kept := data_set_now(order)) is not None:
        return misfit(spec, kept, order.columns)
    return " ".join(f"{fault.name}: {fault.message}" for fault in RowChecks(spec).faults([order.run.inputs]))


def _first_of(refusal: Invalid) -> str:
    field, said = next(iter(refusal.fields.items()))
    _, _, row = field.partition("inputs.")
    return f"Row {int(row.partition('.')[0]) + 1}: {said}" if row else said


def _of_version(run: LaunchOrder, version: CrewVersion | None) -> LaunchOrder:
    return replace(run, version=version)


def _usd(nusd: int | None) -> Decimal | None:
    return None if nusd is None else to_usd(nusd)
