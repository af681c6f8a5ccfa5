"""What people do with batches: launch, pause, let go on, cancel, run failed rows again, add rows.

Rows are started by workers (``runs.feeding``); the bell is rung for them. Whatever holds a batch's lock here reads its
state under it, so that nothing is decided on a state that has passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F

from agents_app.models import Crew
from engine.spec.crew_spec import CrewSpec
from engine.text import counted, storable, storable_json
from runs.batches import queries
from runs.batches.kept_inputs import hold
from runs.batches.mapping import of_inputs
from runs.batches.order import (
    NOT_LAUNCHED,
    BatchOrder,
    Row,
    bound_complaints,
    budget_complaint,
    concurrency_complaints,
    of_any_row,
    refuse_bad_rows,
)
from runs.batches.words import WHY_STILL, in_words
from runs.feeding import batch_bounds, launchers, shares
from runs.feeding.launchers import Launcher
from runs.launch.checks import checked_kind, version_to_launch
from runs.ledger import transitions
from runs.live.notify import batch_changed, run_changed
from runs.models import Batch, BatchRow, ClockTimestamp, Run
from runs.money import to_nusd
from runs.notices.batches import announce_batch, announce_launch
from runs.states import RUN_LIVE, BatchPause, BatchState, RunState
from runs.worker import bell
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import ApiToken, Role
from teams.refusals import Conflict, Invalid

ROW_AT_ONCE = 1_000
GAVE_NOTHING = (RunState.FAILED, RunState.CANCELLED)


def launch_batch(
    who: Principal,
    crew: Crew,
    order: BatchOrder,
    *,
    idempotency_key: str | None = None,
    api_token: ApiToken | None = None,
) -> Batch:
    """Keeps the rows and rings for a worker, which starts them. ``Invalid`` names everything that is wrong with the
    order, ``BadRows`` every input that is missing or wrong; nothing is kept then.

    The same idempotency key gives the same batch again; with another order it is a ``Conflict``.
    """
    require(who, Role.RUNNER)
    key = (idempotency_key or "").strip()[:200] or None
    if key and (earlier := _earlier(who, crew, order, key)):
        return earlier
    try:
        with transaction.atomic():
            if order.data_set_version is not None:
                hold(order.data_set_version.data_set_id)
            batch = _ordered_batch(who, crew, order)
            batch.idempotency_key, batch.api_token = key, api_token
            batch.save(force_insert=True)
            _insert_rows(batch, order.rows, _launcher(who, api_token), first=1)
            record(who, "batch.launched", batch, rows=len(order.rows), crew=crew.name)
            announce_launch(batch)
            transaction.on_commit(partial(bell.ring, batch.pk))
    except IntegrityError:
        # Two identical requests raced. The unique key let one through, and this is the other.
        if key and (earlier := _earlier(who, crew, order, key)):
            return earlier
        raise
    batch.refresh_from_db()
    return batch


@transaction.atomic
def pause(who: Principal, batch: Batch) -> Batch:
    """Starts no more rows; those under way end. ``Conflict`` if it is not running."""
    batch = _locked(who, batch)
    if batch.state != BatchState.RUNNING:
        raise Conflict(f"This batch is not running: it is {batch.state}.")
    record(who, "batch.paused", batch)
    return _changed(batch, state=BatchState.PAUSED, paused_for=BatchPause.PERSON)


@transaction.atomic
def resume(
    who: Principal,
    batch: Batch,
    *,
    max_concurrency: int | None = None,
    stop_after_failures: int | None = None,
    budget_usd: Decimal | None = None,
    api_token: ApiToken | None = None,
) -> Batch:
    """Lets a paused batch go on, after setting what is named; a running one may be given other bounds too.

    Whoever lets it go on although a bound was reached, or loosens one, launches the rows that wait from then on, by the
    token that they did it with, and failures are counted anew; and in any case they launch those of people who may
    launch no more. After a pause by a person, rows stay whose they were, and failures count on. Of a budget that is
    less than what rows under way may spend, these share what is left.

    ``Conflict`` if it has ended, if it runs and nothing is named, or if it would be paused again at once.
    """
    batch = _locked(who, batch)
    if batch.state in (BatchState.CANCELLED, BatchState.DONE):
        raise Conflict(f"This batch is {batch.state}. Run its failed rows again, or launch another one.")
    bounds = _new_bounds(batch, max_concurrency, stop_after_failures, budget_usd)
    if batch.state == BatchState.RUNNING and not bounds:
        raise Conflict("This batch is running.")
    takes_over = _at_a_bound(batch) or _loosens(batch, bounds)
    before = batch.budget_nusd
    for name, value in bounds.items():
        setattr(batch, name, value)
    if batch.budget_nusd is not None and (before is None or batch.budget_nusd < before):
        shares.hold_to_budget(batch)
    if takes_over and batch.state == BatchState.PAUSED:
        batch.failures_before = _failed(batch)
    reason = batch_bounds.why_to_pause(batch)
    if reason and not (reason == BatchPause.BUDGET and batch_bounds.lets_waiting_go_on(batch)):
        raise Conflict(in_words(batch, reason, WHY_STILL))
    take_over = launchers.take_over_others if takes_over else launchers.take_over_stranded
    taken = take_over(batch, _launcher(who, api_token))
    record(who, "batch.resumed", batch, bounds=bounds, taken_over=taken)
    return _go_on(batch)


def _at_a_bound(batch: Batch) -> bool:
    """Whether a bound keeps its rows from being started, be it that it was paused for that or that it would be."""
    reasons = (batch.paused_for, batch_bounds.why_to_pause(batch))
    return any(reason in (BatchPause.FAILURES, BatchPause.BUDGET) for reason in reasons)


def _loosens(batch: Batch, bounds: Mapping[str, int]) -> bool:
    """Whether rows could start under these bounds that could not under those that it has."""
    before = {name: getattr(batch, name) for name in ("budget_nusd", "stop_after_failures")}
    return any(most is not None and bounds.get(name, most) > most for name, most in before.items())


def _launcher(who: Principal, token: ApiToken | None) -> Launcher:
    return Launcher(who.user.pk, None if token is None else token.pk)


def _new_bounds(
    batch: Batch, max_concurrency: int | None, stop_after_failures: int | None, budget_usd: Decimal | None
) -> dict[str, int]:
    """Those that are named, by their names on a batch. Raises ``Invalid``."""
    fields = concurrency_complaints(max_concurrency, stop_after_failures)
    each = None if batch.run_budget_nusd is None else batch_bounds.cap_of_rows(batch)
    if complaint := budget_complaint(budget_usd, each):
        fields["budget_usd"] = complaint
    if fields:
        raise Invalid("The batch was not changed.", fields=fields)
    named = {
        "max_concurrency": max_concurrency,
        "stop_after_failures": stop_after_failures,
        "budget_nusd": to_nusd(budget_usd),
    }
    return {name: value for name, value in named.items() if value is not None}


def cancel(who: Principal, batch: Batch) -> Batch:
    """Starts no more rows and asks those under way to end. ``Conflict`` if it has ended."""
    with transaction.atomic():
        batch = _locked(who, batch)
        if batch.state in (BatchState.CANCELLED, BatchState.DONE):
            raise Conflict(f"This batch is already {batch.state}.")
        record(who, "batch.cancelled", batch)
        batch = _changed(batch, state=BatchState.CANCELLED, paused_for="", finished_at=ClockTimestamp())
        live = batch.runs.filter(state__in=RUN_LIVE).order_by("pk").select_for_update(no_key=True)
        asked = list(live.values_list("pk", flat=True))
        Run.objects.filter(pk__in=asked, cancel_requested_at=None).update(
            cancel_requested_at=ClockTimestamp(), revision=F("revision") + 1
        )
    for run_id in asked:  # each in a transaction of its own: none waits for the ledger with locks on others
        if not transitions.end_unclaimed(run_id):
            run_changed(run_id)
    return batch


@transaction.atomic
def retry_failed(who: Principal, batch: Batch, *, api_token: ApiToken | None = None) -> Batch:
    """Lets every row whose run failed or was cancelled wait for another run, and the batch go on. What the earlier runs
    cost stays. Whoever runs them again launches them, and takes over rows that wait for those who may launch no more.

    Failures are counted anew. Where the batch is to stop at some, rows may then start that would not have: whoever runs
    the failed ones again launches all rows that wait. ``Conflict`` if the batch was cancelled, or if no row failed."""
    batch = _locked(who, batch)
    if batch.state == BatchState.CANCELLED:
        raise Conflict("This batch was cancelled. Launch another one with the rows that are left.")
    again = BatchRow.objects.filter(batch=batch, run__state__in=GAVE_NOTHING, run__texts_removed_at=None)
    rows = list(again.values_list("pk", flat=True))
    launcher = _launcher(who, api_token)
    loosens = rows and batch.stop_after_failures is not None and _failed(batch) > batch.failures_before
    take_over = launchers.take_over_others if loosens else launchers.take_over_stranded
    taken = take_over(batch, launcher)
    if not rows and not taken:
        raise Conflict("No row of this batch has failed. Rows whose texts were removed as too old are not run again.")
    BatchRow.objects.filter(pk__in=rows).update(run=None, added_by=launcher.user, api_token=launcher.token)
    batch.failures_before = _failed(batch)
    record(who, "batch.retried", batch, rows=len(rows), taken_over=taken)
    return _go_on(batch)


@transaction.atomic
def add_rows(
    who: Principal,
    batch: Batch,
    rows: Sequence[Row],
    *,
    api_token: ApiToken | None = None,
    after: int | None = None,
) -> Batch:
    """Adds rows behind the others, which whoever adds them launches. One that is done goes on, a paused one stays
    paused. ``Conflict`` for a cancelled one, and for one that has other than ``after`` rows, where that is given."""
    batch = _locked(who, batch)
    if after is not None and after != batch.row_count:
        raise Conflict("Rows were added meanwhile. Look at the batch, and add yours if they are not among them.")
    if batch.state == BatchState.CANCELLED:
        raise Conflict("This batch was cancelled. Launch another one.")
    first = batch.row_count + 1
    chars = queries.chars_of_rows(batch)
    refuse_bad_rows(CrewSpec.from_json(batch.version.spec), rows, before=batch.row_count, chars_before=chars)
    _insert_rows(batch, rows, _launcher(who, api_token), first=first)
    if batch.name == _usual_name(batch.crew, batch.row_count):
        batch.name = _usual_name(batch.crew, batch.row_count + len(rows))
    batch.row_count += len(rows)
    record(who, "batch.extended", batch, rows=len(rows))
    if batch.state == BatchState.PAUSED:
        return _changed(batch, row_count=batch.row_count)
    return _go_on(batch)


def _ordered_batch(who: Principal, crew: Crew, order: BatchOrder) -> Batch:
    """Checked but not saved yet."""
    version = version_to_launch(who, crew, order.run)
    spec = CrewSpec.from_json(version.spec)
    refuse_bad_rows(spec, order.rows)
    complaints = bound_complaints(order)
    try:
        simulated = checked_kind(who, spec, of_any_row(who.team, spec, order))
    except Invalid as refusal:
        if not refusal.fields:
            raise
        # What is the budget of a run to a launch is one of two budgets here, or a share of the other one.
        own = "budget_usd" if order.run.budget_usd is None else "run_budget_usd"
        fields = {{"budget_usd": own}.get(name, name): said for name, said in refusal.fields.items()}
        raise Invalid(NOT_LAUNCHED, fields=fields | complaints) from refusal
    if complaints:
        raise Invalid(NOT_LAUNCHED, fields=complaints)
    return Batch(
        team=who.team,
        crew=crew,
        version=version,
        data_set_version=order.data_set_version,
        name=storable(order.name).strip() or _usual_name(crew, len(order.rows)),
        row_count=len(order.rows),
        max_concurrency=order.max_concurrency,
        stop_after_failures=order.stop_after_failures,
        budget_nusd=to_nusd(order.budget_usd),
        simulated=simulated,
        priority=order.run.priority,
        run_budget_nusd=to_nusd(order.run.budget_usd),
        at_limit=order.run.at_limit or who.team.at_limit,
        accepts_unpriced=order.run.accept_unpriced,
        **order.run.bounds,
        metadata=storable_json(dict(order.run.metadata)),
        created_by=who.user,
        request_hash=order.request_hash,
    )


def _usual_name(crew: Crew, rows: int) -> str:
    return f"{crew.name[:100]}, {counted(rows, 'row')}"


def _insert_rows(batch: Batch, rows: Sequence[Row], launcher: Launcher, *, first: int) -> None:
    """Names of inputs are kept in the spelling of their accents in which crews have them, by which tables find them."""
    whose = {"added_by_id": launcher.user, "api_token_id": launcher.token}
    BatchRow.objects.bulk_create(
        (BatchRow(batch=batch, position=at, inputs=of_inputs(row), **whose) for at, row in enumerate(rows, first)),
        batch_size=ROW_AT_ONCE,
    )


def _earlier(who: Principal, crew: Crew, order: BatchOrder, key: str) -> Batch | None:
    """The batch that was launched with this idempotency key; ``Conflict`` if it was another order."""
    earlier = Batch.objects.filter(team=who.team, idempotency_key=key).first()
    if earlier is not None and (earlier.request_hash != order.request_hash or earlier.crew_id != crew.pk):
        raise Conflict(f"The idempotency key {key!r} was used for another batch. Use a new key for a new batch.")
    return earlier


def _locked(who: Principal, batch: Batch) -> Batch:
    require(who, Role.RUNNER)
    found = Batch.objects.select_related("team", "crew", "version").select_for_update(no_key=True, of=("self",))
    return found.get(pk=batch.pk)


def _failed(batch: Batch) -> int:
    return batch.runs.filter(state=RunState.FAILED).count()


def _go_on(batch: Batch) -> Batch:
    transaction.on_commit(partial(bell.ring, batch.pk))
    return _changed(batch, state=BatchState.RUNNING, paused_for="", finished_at=None)


def _changed(batch: Batch, **fields: object) -> Batch:
    """Saves the batch, whose row is locked, with these fields, and tells of it."""
    before = batch.state
    for name, value in fields.items():
        setattr(batch, name, value)
    batch.revision += 1
    batch.save()
    batch_changed(batch.pk)
    if batch.state != before:
        announce_batch(batch.pk)
    batch.refresh_from_db()
    return batch
