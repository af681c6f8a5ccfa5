"""What webhooks are told of batches: facts, figures and where to look; never inputs, prompts or outputs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Sum

from runs.addresses import batch_url
from runs.models import Batch, BatchRow, Run
from runs.money import usd_text
from runs.states import RUN_LIVE, BatchPause, BatchState, RunState
from teams.models import WebhookEvent
from teams.texts.times import time_text
from teams.webhooks.actions import announce

EVENT_OF_STATE = {
    BatchState.PAUSED: WebhookEvent.BATCH_PAUSED,
    BatchState.DONE: WebhookEvent.BATCH_ENDED,
    BatchState.CANCELLED: WebhookEvent.BATCH_ENDED,
    BatchState.RUNNING: WebhookEvent.BATCH_RESUMED,
}


def announce_launch(batch: Batch) -> None:
    """To be called, as the other, in the transaction that writes what happened."""
    announce(batch.team_id, WebhookEvent.BATCH_LAUNCHED, lambda: _facts(batch.pk))


def announce_batch(batch_id: UUID) -> None:
    """Announces the state into which the batch was moved just now, as the database has it."""
    team_id, state, paused_for = Batch.objects.values_list("team_id", "state", "paused_for").get(pk=batch_id)
    event = WebhookEvent.BATCH_BUDGET if paused_for == BatchPause.BUDGET else EVENT_OF_STATE[BatchState(state)]
    announce(team_id, event, lambda: _facts(batch_id))


def _facts(batch_id: UUID) -> dict[str, Any]:
    batch = Batch.objects.select_related("team", "crew", "version").get(pk=batch_id)
    kinds = BatchRow.objects.filter(batch=batch).values_list("run__state").annotate(Count("pk")).order_by()
    counts: dict[str | None, int] = dict(kinds)
    spent = Run.objects.filter(batch=batch).aggregate(nusd=Sum("spent_nusd"), unpriced=Sum("unpriced_calls"))
    return {
        "batch": str(batch.pk),
        "name": batch.name,
        "crew": batch.crew.slug,
        "version": batch.version.number,
        "status": batch.state,
        "paused_for": batch.paused_for or None,
        "simulated": batch.simulated,
        "total": batch.row_count,
        "pending": counts.get(None, 0),
        "live": sum(counts.get(state, 0) for state in RUN_LIVE),
        "succeeded": counts.get(RunState.SUCCEEDED, 0),
        "failed": counts.get(RunState.FAILED, 0),
        "cancelled": counts.get(RunState.CANCELLED, 0),
        "cost_usd": None if spent["unpriced"] else usd_text(spent["nusd"] or 0),
        "budget_usd": usd_text(batch.budget_nusd),
        "created_at": time_text(batch.created_at),
        "finished_at": time_text(batch.finished_at),
        "url": batch_url(batch),
    }
