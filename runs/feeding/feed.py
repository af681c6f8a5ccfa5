"""Lets rows of running batches become queued runs, as far as each batch has room. Workers and sweepers call it.

Rows wait as rows, so that thousands of them cost nothing until their turn. A row and its run come in one transaction
that holds the batch's lock: whoever dies on the way leaves the row as it was, and no row gets two runs. What is live
and what was spent is counted anew each time and kept nowhere, so a place cannot get lost.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from engine.spec.crew_spec import CrewSpec
from engine.text import storable_json
from runs.bounds import quotas
from runs.bounds.run_caps import cap_of
from runs.feeding import new_runs
from runs.feeding.batch_bounds import lower, room, why_to_pause
from runs.feeding.launchers import Launcher, able, launcher_of, rows_of
from runs.feeding.shares import SHORT, share_anew
from runs.live.notify import batch_changed
from runs.models import Batch, BatchRow, ClockTimestamp, Run
from runs.notices.batches import announce_batch
from runs.sql import statement
from runs.states import RUN_LIVE, BatchPause, BatchState
from runs.telemetry import metrics
from teams.access import Principal
from teams.models import Role

log = logging.getLogger(__name__)

MOST_BATCHES = 8
MOST_ROWS = 50
"""Of one batch in one transaction. Those that are left become runs at the next look."""

# Batches that begin no row, but whose rows under way may get of each other's money, are looked at too.
_FED = Q(state=BatchState.RUNNING) | Q(state=BatchState.PAUSED, paused_for=BatchPause.BUDGET)

# Batches with room for another run: one of each team before a second one of any, and else in no order, so that none
# that cannot be fed just now keeps others from it, nor a team with very many of them the other teams.
HUNGRY = statement(
    """
    (SELECT batch.id FROM runs_batch AS batch
     WHERE batch.state = 'running' AND batch.max_concurrency > (
         SELECT count(*) FROM runs_run WHERE batch_id = batch.id AND state IN ('queued', 'running', 'waiting'))
     ORDER BY row_number() OVER (PARTITION BY batch.team_id ORDER BY random()), random() LIMIT %(most)s)
    UNION (SELECT id FROM ({short}) AS short ORDER BY random() LIMIT %(most)s)
    """,
    short=SHORT,
)


def feed() -> list[UUID]:
    """The runs that were queued, for which the caller rings. One query where no batch has room."""
    with connection.cursor() as cursor:
        cursor.execute(HUNGRY, {"most": MOST_BATCHES})
        hungry = [row[0] for row in cursor.fetchall()]
    return [run_id for batch_id in hungry for run_id in feed_batch(batch_id)]


@transaction.atomic
def feed_batch(batch_id: UUID) -> list[UUID]:
    """Queues runs of one batch as far as it has room; pauses it where one of its bounds is reached, and ends it once
    all its rows have. Nothing where another process is at it."""
    fed = Batch.objects.filter(_FED, pk=batch_id).select_related("team", "crew", "version")
    batch = fed.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
    if batch is None:
        return []
    live = batch.runs.filter(state__in=RUN_LIVE).count()
    places = batch.max_concurrency - live
    waiting = batch.rows.filter(run=None)[: max(1, places)].count()
    is_running = batch.state == BatchState.RUNNING
    if live:
        share_anew(batch, starting=max(0, min(places, waiting)) if is_running else 0)
    if not (is_running and waiting):
        if is_running and not live:
            _move(batch, BatchState.DONE)
        return []
    if reason := why_to_pause(batch):
        _pause(batch, reason)
        return []
    fit = room(batch, min(places, waiting))
    most = min(fit.rows, MOST_ROWS)
    chosen = _Chosen(batch, most)
    if most > 0 and chosen.nobody_may:
        _pause(batch, BatchPause.LEFT)
    return _queue(batch, chosen.rows, fit.budget_nusd) if chosen.rows else []


class _Chosen:
    """The next rows, in their order, that those who launch them may start: who left the team keeps back their own rows
    alone, and a quota that is used up those of one person."""

    def __init__(self, batch: Batch, most: int) -> None:
        self.rows: list[BatchRow] = []
        self._batch = batch
        self._may: dict[Launcher, bool] = {}
        self._left: dict[int | None, int] = {}  # by person: how many runs more the quota allows them
        last = 0
        while (more := most - len(self.rows)) > 0:
            rows = list(self._waiting(last)[:more])
            self._get_to_know({launcher_of(row) for row in rows})
            self.rows += [row for row in rows if self._take(launcher_of(row))]
            if len(rows) < more:
                break
            last = rows[-1].position

    @property
    def nobody_may(self) -> bool:
        """Whether rows wait only for those who may launch no more."""
        return not any(self._may.values())

    def _waiting(self, last: int) -> QuerySet[BatchRow]:
        shut = [one for one, may in self._may.items() if not (may and self._left[one.user])]
        return self._batch.rows.filter(run=None, position__gt=last).exclude(rows_of(shut)).order_by("position")

    def _get_to_know(self, launchers: Collection[Launcher]) -> None:
        new = [one for one in launchers if one not in self._may]
        fit = able(self._batch.team, new) if new else {}
        for one in new:
            self._may[one] = one in fit
            if one in fit and one.user not in self._left:
                left = quotas.left_for(Principal(fit[one], self._batch.team, Role.RUNNER))
                self._left[one.user] = MOST_ROWS if left is None else left

    def _take(self, launcher: Launcher) -> bool:
        if not (self._may[launcher] and self._left[launcher.user]):
            return False
        self._left[launcher.user] -= 1
        return True


def _queue(batch: Batch, rows: Sequence[BatchRow], budget_nusd: int | None) -> list[UUID]:
    spec = CrewSpec.from_json(batch.version.spec)
    runs = [_run_of(batch, row, spec, budget_nusd) for row in rows]
    new_runs.queue(runs, spec)
    for row, run in zip(rows, runs, strict=True):
        row.run = run
        metrics.run_launched()
    BatchRow.objects.bulk_update(rows, ["run"])
    batch_changed(batch.pk)
    return [run.pk for run in runs]


def _run_of(batch: Batch, row: BatchRow, spec: CrewSpec, budget_nusd: int | None) -> Run:
    bounds = {name: getattr(batch, name) for name in ("max_calls", "max_tokens", "max_seconds")}
    return Run(
        team=batch.team,
        crew=batch.crew,
        version=batch.version,
        batch=batch,
        batch_row=row.position,
        simulated=batch.simulated,
        priority=batch.priority,
        inputs=storable_json(dict(spec.inputs) | row.inputs),
        metadata=batch.metadata,
        budget_nusd=budget_nusd,
        at_limit=batch.at_limit,
        accepts_unpriced=batch.accepts_unpriced,
        **{name: lower(bound, cap_of(batch.team, name)) for name, bound in bounds.items()},
        created_by_id=row.added_by_id,
        api_token_id=row.api_token_id,
        created_at=ClockTimestamp(),
        rung_at=ClockTimestamp(),
    )


def _pause(batch: Batch, reason: BatchPause) -> None:
    Batch.objects.filter(pk=batch.pk).update(state=BatchState.PAUSED, paused_for=reason, revision=F("revision") + 1)
    batch_changed(batch.pk)
    announce_batch(batch.pk)
    log.info("Batch paused", extra={"batch_id": str(batch.pk), "reason": str(reason)})


def _move(batch: Batch, state: BatchState) -> None:
    Batch.objects.filter(pk=batch.pk).update(state=state, finished_at=ClockTimestamp(), revision=F("revision") + 1)
    batch_changed(batch.pk)
    announce_batch(batch.pk)
