"""What webhooks are told of a batch: each change of its state, once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agents_app.models import Crew
from runs.batches.actions import add_rows, cancel, pause, resume, retry_failed
from runs.feeding.feed import feed
from runs.launch.order import LaunchOrder
from runs.states import RUN_LIVE, RunState
from teams.models import Delivery
from teams.webhooks.actions import add_webhook
from tests.cast import Cast
from tests.runs.batches.made import end, fed, make_batch

pytestmark = pytest.mark.django_db
EVENTS = [f"batch.{name}" for name in ("launched", "paused", "budget", "resumed", "ended")]


def told() -> list[str]:
    """The events since this was last asked, without their first word."""
    deliveries = Delivery.objects.order_by("created_at", "pk")
    events = [one.event.removeprefix("batch.") for one in deliveries]
    deliveries.delete()
    return events


def test_each_change_of_its_state_is_told_once(cast: Cast, crew: Crew) -> None:
    add_webhook(cast.owner, url="https://example.com/hooks", events=EVENTS)
    dime = LaunchOrder(simulated=True, budget_usd=Decimal("0.10"))
    batch = make_batch(cast.runner, crew, rows=2, max_concurrency=1, run=dime, budget_usd=Decimal("0.10"))
    assert told() == ["launched"]
    pause(cast.runner, batch)
    assert told() == ["paused"]
    resume(cast.runner, batch)
    resume(cast.runner, batch, max_concurrency=2)
    assert told() == ["resumed"]
    end(fed(batch)[0], RunState.FAILED, nusd=50_000_000)
    feed()
    data = Delivery.objects.get().payload["data"]
    assert (data["status"], data["paused_for"], data["failed"], data["pending"]) == ("paused", "budget", 1, 1)
    assert (data["cost_usd"], data["budget_usd"], data["batch"]) == ("0.05", "0.1", str(batch.pk))
    assert "Acme" not in str(data)
    assert told() == ["budget"]
    resume(cast.runner, batch, budget_usd=Decimal(1))
    for run in fed(batch):
        end(run)
    feed()
    assert told() == ["resumed", "ended"]
    retry_failed(cast.runner, batch)
    add_rows(cast.runner, batch, [{"company": "Late"}])
    assert told() == ["resumed"]
    fed(batch)
    for run in batch.runs.filter(state__in=RUN_LIVE):
        end(run)
    feed()
    add_rows(cast.runner, batch, [{"company": "Later"}])
    cancel(cast.runner, batch)
    assert told() == ["ended", "resumed", "ended"]
