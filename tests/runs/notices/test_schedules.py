"""What webhooks are told of schedules: what became of each time, once; of many that were missed together, once."""

from __future__ import annotations

from typing import Any

import pytest

from agents_app.models import Crew
from runs.data_sets.actions import make_data_set
from runs.data_sets.rows import of_json
from runs.models import Batch, Run
from runs.schedules.actions import pause, run_now
from runs.schedules.due import look
from teams.models import Delivery, Membership, Role, Team
from teams.webhooks.actions import add_webhook
from tests.cast import Cast
from tests.runs.batches.made import end
from tests.runs.schedules.made import HOUR, TEN, hourly

pytestmark = pytest.mark.django_db
EVENTS = [f"schedule.{name}" for name in ("launched", "skipped", "missed", "refused", "off")]


def told() -> list[tuple[str, dict[str, Any]]]:
    """The events since this was last asked, without their first word, with what they say."""
    deliveries = Delivery.objects.order_by("created_at", "pk")
    found = [(one.event.removeprefix("schedule."), one.payload["data"]) for one in deliveries]
    deliveries.delete()
    return found


def test_what_became_of_each_time_is_told_once(cast: Cast, crew: Crew) -> None:
    add_webhook(cast.owner, url="https://example.com/hooks", events=EVENTS)
    schedule = hourly(cast.runner, crew, overlap="queue")
    look(TEN)
    run = Run.objects.get()
    ((event, data),) = told()
    assert (event, data["run"], data["batch"], data["by_hand"]) == ("launched", str(run.pk), None, False)
    assert (data["due_at"][:16], data["times"], data["reason"]) == ("2026-03-10T10:00", 1, None)
    assert (data["schedule"], data["crew"], data["dataset"]) == (str(schedule.pk), "company-brief", None)
    assert data["url"].endswith(f"/t/acme/schedules/{schedule.pk}/")
    assert "Acme" not in str(data)
    look(TEN + HOUR)
    assert told() == []  # it waits
    look(TEN + 2 * HOUR)
    end(run)
    look(TEN + 2 * HOUR)
    assert [(event, data["due_at"][11:16]) for event, data in told()] == [("skipped", "12:00"), ("launched", "11:00")]
    look(TEN + 3 * HOUR)
    schedule.refresh_from_db()
    pause(cast.runner, schedule)
    ((event, data),) = told()
    assert (event, data["due_at"][11:16]) == ("skipped", "13:00")
    assert data["reason"].startswith("The schedule went off")


def test_refusals_what_was_missed_and_launches_by_hand_are_told(cast: Cast, crew: Crew) -> None:
    add_webhook(cast.owner, url="https://example.com/hooks", events=EVENTS)
    kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
    schedule = hourly(cast.runner, crew, data_set=kept)
    look(TEN + 3 * HOUR + HOUR / 2)
    ((event, data),) = told()
    assert (event, data["times"], data["due_at"][11:16], data["dataset"]) == ("missed", 4, "13:00", "leads")
    Team.objects.filter(pk=cast.team.pk).update(launch_quota=0)
    batch = run_now(cast.editor, schedule).batch
    ((event, data),) = told()
    assert (event, data["batch"], data["by_hand"], data["outcome"]) == ("launched", str(batch.pk), True, "asked")
    Batch.objects.update(state="cancelled", paused_for="")
    alone = hourly(cast.runner, crew, name="Alone")
    look(TEN)
    ((event, data),) = told()
    assert (event, data["run"], data["name"]) == ("refused", None, "Alone")
    assert "launch 0" in data["reason"]
    Membership.objects.filter(user=cast.runner.user).update(role=Role.VIEWER)
    look(TEN + HOUR)
    assert [(event, data["outcome"]) for event, data in told()] == [("off", "off")] * 2
    assert alone.times.filter(outcome="off").count() == 1
