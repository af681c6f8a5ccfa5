"""What webhooks are told of runs and budgets: facts, figures and where to look; never inputs, prompts or outputs."""

from __future__ import annotations

from typing import Any

from runs.addresses import limits_url, run_url
from runs.models import Alert, Run
from runs.money import usd_text
from runs.states import PERSON, RunState
from runs.telling.entries import tell_of_waiting
from teams.models import WebhookEvent
from teams.texts.times import time_text
from teams.webhooks.actions import announce

EVENT_OF_STATE = {
    RunState.WAITING: WebhookEvent.WAITING,
    RunState.FAILED: WebhookEvent.FAILED,
    RunState.SUCCEEDED: WebhookEvent.SUCCEEDED,
}


def announce_run(run: Run) -> None:
    """Announces that the run waits or has ended, as the database has it now; nothing if it is queued again."""
    state, waits_for = Run.objects.filter(pk=run.pk).values_list("state", "waiting_for").get()
    event = EVENT_OF_STATE.get(RunState(state))
    if (state, waits_for) == (RunState.WAITING, PERSON):
        tell_of_waiting(run)
    if event is not None:
        announce(
            run.team_id, event, lambda: _run_facts(Run.objects.select_related("crew", "version", "team").get(pk=run.pk))
        )


def announce_alert(alert: Alert, words: str) -> None:
    """Announces that a budget has crossed a threshold. ``words`` is the alert as a sentence."""
    announce(alert.team_id, WebhookEvent.BUDGET, lambda: _alert_facts(alert, words))


def _run_facts(run: Run) -> dict[str, Any]:
    return {
        "run": str(run.pk),
        "crew": run.crew.slug,
        "version": run.version.number,
        "status": run.state,
        "waiting_for": run.waiting_for or None,
        "needs_usd": usd_text(run.needs_nusd),
        "error_code": run.error_code or None,
        "simulated": run.simulated,
        "cost_usd": None if run.unpriced_calls else usd_text(run.spent_nusd),
        "budget_usd": usd_text(run.budget_nusd),
        "created_at": time_text(run.created_at),
        "finished_at": time_text(run.finished_at),
        "url": run_url(run),
    }


def _alert_facts(alert: Alert, words: str) -> dict[str, Any]:
    return {
        "budget": alert.kind,
        "member": alert.user.email if alert.user else None,
        "month": f"{alert.month:%Y-%m}",
        "threshold": alert.threshold,
        "budget_usd": usd_text(alert.budget_nusd),
        "spent_usd": usd_text(alert.spent_nusd),
        "held_usd": usd_text(alert.reserved_nusd),
        "message": words,
        "url": limits_url(alert.team),
    }
