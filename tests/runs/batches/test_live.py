"""A batch's stream: what changed, to the page and to programs; folded, resumed without a gap, and ended with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from runs.batches import live
from runs.batches.actions import pause, resume
from runs.batches.queries import detail
from runs.feeding.feed import feed
from runs.ledger.transitions import end_unclaimed
from runs.live.notify import run_changed
from runs.models import Batch, Run
from runs.states import RUN_LIVE
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast, make_cast, make_crew
from tests.runs.batches.made import make_batch
from tests.streams import Event, events_at, take, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def no_connection_left() -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shorter time in which changes are one, so that nobody waits for it."""
    monkeypatch.setattr(live, "LEAST_PAUSE_S", 0.2)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def batch(cast: Cast) -> Batch:
    return make_batch(cast.runner, make_crew(cast.owner), rows=3, max_concurrency=2)


def page(cast: Cast, batch: Batch, *, seen: str = "", **headers: str) -> AsyncIterator[Event]:
    return events_at(cast.viewer, f"/t/acme/batches/{batch.pk}/events/", seen=seen, **headers)


def stamp(batch: Batch) -> str:
    return detail(Batch.objects.get(pk=batch.pk)).stamp


def end_all(batch: Batch) -> None:
    """Each of its runs as the ledger ends one that nobody works on, announced to whoever watches that run."""
    for run in batch.runs.filter(state__in=RUN_LIVE):
        end_unclaimed(run.pk)


async def test_a_page_is_told_what_changed_until_the_batch_has_ended(cast: Cast, batch: Batch) -> None:
    events = page(cast, batch, seen=await sync_to_async(stamp)(batch))
    await sync_to_async(feed)()
    figures, rows = await take(events, 2)
    assert (figures.name, rows.name, figures.id) == ("figures", "rows", "")
    assert "0 of 3" in figures.data
    await sync_to_async(end_all)(batch)  # announced for the runs alone, of which the batch was told nothing
    assert "2 of 3" in (await until(events, "rows"))[0].data
    current = await sync_to_async(stamp)(batch)
    again = page(cast, batch, **{"Last-Event-ID": current})
    for _ in range(2):
        await sync_to_async(feed)()
        await sync_to_async(end_all)(batch)
    rest = await until(again, "ended")
    assert [event.name for event in rest][-2:] == ["rows", "ended"]
    assert "3 of 3" in [event for event in rest if event.name == "figures"][-1].data
    async for event in events:
        last = event
    assert last.name == "ended"


async def test_a_program_gets_the_state_that_it_missed_and_nothing_twice(cast: Cast, batch: Batch) -> None:
    _, secret = await sync_to_async(issue_token)(cast.viewer, scope=Scope.READ)
    path, bearer = f"/api/v1/batches/{batch.pk}/events", {"Authorization": f"Bearer {secret}"}
    events = events_at(None, path, **bearer)
    (first,) = await take(events, 1)
    assert (json.loads(first.data)["pending"], first.id) == (3, await sync_to_async(stamp)(batch))
    await sync_to_async(pause)(cast.runner, batch)
    (paused,) = await take(events, 1)
    assert json.loads(paused.data)["paused_for"] == "person"
    again = events_at(None, path, **bearer, **{"Last-Event-ID": paused.id})
    await sync_to_async(resume)(cast.runner, batch)
    for stream in (events, again):
        assert json.loads((await take(stream, 1))[0].data)["status"] == "running"


async def test_many_changes_at_a_time_are_one(cast: Cast, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Any] = []
    look = live._look

    def counted(*given: Any) -> live.Look:
        looks.append(look(*given))
        return looks[-1]

    monkeypatch.setattr(live, "_look", counted)
    events = page(cast, batch, seen=await sync_to_async(stamp)(batch))

    def storm() -> None:
        feed()
        for _ in range(50):
            for run in Run.objects.filter(batch=batch):
                Run.objects.filter(pk=run.pk).update(revision=run.revision + 1)
                run_changed(run.pk)

    await sync_to_async(storm)()
    await until(events, "rows")
    await sync_to_async(storm)()
    await until(events, "rows")
    assert len(looks) < 20  # of 200 changes


async def test_strangers_have_no_stream(cast: Cast, batch: Batch) -> None:
    client = AsyncClient()
    await client.aforce_login(cast.stranger.user)
    for team in ("acme", "others"):
        assert (await client.get(f"/t/{team}/batches/{batch.pk}/events/")).status_code == 404
