"""The live page: a reader gets the parts that changed, comes back without a gap, and holds no connection."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient
from django.utils import timezone

from engine.record.journal import TaskStatus
from runs.live.looks import _threads, share_look
from runs.live.notify import run_changed
from runs.models import Run, TaskRun
from runs.run import page
from runs.run.page import PARTS
from runs.states import RunState
from teams.models import Role
from tests.cast import Cast, make_cast, make_crew, make_person
from tests.ledger import make_run, make_task
from tests.streams import Event, events_at, take, until

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 20


@dataclass
class Watched:
    cast: Cast
    run: Run


@pytest.fixture
def watched() -> Watched:
    cast = make_cast()
    run = make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING)
    make_task(run, "figures", state=TaskStatus.RUNNING, started_at=run.started_at)
    make_task(run, "headlines", position=1)
    return Watched(cast, run)


@pytest.fixture(autouse=True)
async def no_connection_left() -> AsyncIterator[None]:
    """Asynchronous tests reach the database on a thread of asgiref's, whose connection nobody else closes."""
    yield
    await sync_to_async(connections.close_all)()


def reader(watched: Watched, *, seen: str = "", **headers: str) -> AsyncIterator[Event]:
    path = f"/t/acme/runs/{watched.run.pk}/events/"
    return events_at(watched.cast.viewer, path, seen=seen, **headers)


async def change(run: Run, write: Callable[[], object]) -> None:
    """A change as the worker makes it: rows, revision and notice."""

    def made() -> None:
        write()
        Run.objects.filter(pk=run.pk).update(revision=Run.objects.get(pk=run.pk).revision + 1)
        run_changed(run.pk)

    await sync_to_async(made)()


async def test_a_new_reader_gets_every_part(watched: Watched) -> None:
    events = await take(reader(watched), len(PARTS))
    assert [event.name for event in events] == list(PARTS)
    assert [event.id for event in events] == [""] * (len(PARTS) - 1) + [str(watched.run.revision)]


async def test_a_reader_whose_page_is_current_gets_nothing_until_something_changes(watched: Watched) -> None:
    waiting = asyncio.create_task(take(reader(watched, seen=str(watched.run.revision)), 1))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    waiting.cancel()


async def test_what_follows_is_only_what_changes(watched: Watched) -> None:
    """The timeline and the split of the wall time go up to now, so they may change with every look."""
    events = reader(watched)
    await take(events, len(PARTS))
    ended = TaskRun.objects.filter(run=watched.run, key="figures")
    await change(watched.run, lambda: ended.update(state=TaskStatus.SUCCEEDED, finished_at=timezone.now()))
    assert {event.name for event in await until(events, "graph")} - {"timeline", "wall"} == {
        "summary",
        "tasks",
        "graph",
    }


async def test_the_stream_ends_with_the_run(watched: Watched) -> None:
    events = reader(watched, seen=str(watched.run.revision))
    waiting = asyncio.create_task(take(events, 1))
    await asyncio.sleep(0.5)
    state = {"state": RunState.SUCCEEDED, "finished_at": timezone.now(), "output_raw": "All *done*"}
    await change(watched.run, lambda: Run.objects.filter(pk=watched.run.pk).update(**state))
    received = await waiting
    async for event in events:
        received.append(event)
    assert received[-1].name == "ended"
    parts = {event.name: event.data for event in received}
    assert "<em>done</em>" in parts["result"]
    assert "succeeded" in parts["summary"]


async def test_a_reader_that_comes_back_to_an_ended_run_is_told_so_at_once(watched: Watched) -> None:
    state = {"state": RunState.CANCELLED, "finished_at": timezone.now()}
    await change(watched.run, lambda: Run.objects.filter(pk=watched.run.pk).update(**state))
    missed = [event async for event in reader(watched, **{"Last-Event-ID": str(watched.run.revision)})]
    assert [event.name for event in missed] == [*PARTS, "ended"]
    current = str((await Run.objects.aget(pk=watched.run.pk)).revision)
    assert [event.name async for event in reader(watched, **{"Last-Event-ID": current})] == ["ended"]


async def test_hostile_lines_cannot_end_a_message(watched: Watched) -> None:
    text = "first\r\rdata: x\n\nevent: ended\ndata: y\r\nlast"
    await change(watched.run, lambda: Run.objects.filter(pk=watched.run.pk).update(error=text))
    events = await take(reader(watched), len(PARTS))
    assert [event.name for event in events] == list(PARTS)
    assert "last" in events[0].data


async def test_readers_who_ask_at_a_time_share_a_look_whose_connection_is_given_back(watched: Watched) -> None:
    looks: list[bool] = []

    def look() -> int:
        assert Run.objects.get(pk=watched.run.pk).pk
        looks.append(connection.connection is not None)
        return len(looks)

    assert await asyncio.gather(*(share_look("one", look) for _ in range(50))) == [1] * 50
    assert await asyncio.gather(share_look("one", look), share_look("another", look)) in ([2, 3], [3, 2])
    left = await asyncio.get_running_loop().run_in_executor(_threads, lambda: connection.connection)
    assert left is None


async def test_a_look_that_was_asked_for_later_begins_later(watched: Watched) -> None:
    """Else a reader could be shown a run as it was before the change that woke them."""
    begun, go, states = threading.Event(), threading.Event(), iter(["before", "after"])

    def look() -> str:
        state = next(states)
        begun.set()
        go.wait(PATIENCE_S)
        return state

    first = asyncio.create_task(share_look("one", look))
    await asyncio.to_thread(begun.wait, PATIENCE_S)
    second = asyncio.create_task(share_look("one", look))
    await asyncio.sleep(0.1)
    go.set()
    assert (await first, await second) == ("before", "after")


async def test_parts_depend_on_the_role_alone(watched: Watched) -> None:
    """Readers of one role share what one of them would see."""
    team = watched.cast
    other = await sync_to_async(make_person)(team.team, Role.VIEWER, email="another.viewer@example.com")
    looks = await sync_to_async(lambda: [page._look(watched.run.pk, who) for who in (team.viewer, other, team.owner)])()
    (_, _, of_viewer), (_, _, of_other), (_, _, of_owner) = looks
    assert _without_now(of_viewer) == _without_now(of_other)
    assert of_viewer["summary"] != of_owner["summary"]


def _without_now(parts: Mapping[str, str]) -> dict[str, str]:
    """The parts without what goes on with the clock."""
    still = {name: html for name, html in parts.items() if name not in ("timeline", "wall")}
    return {name: re.sub(r">[^<]*</time>", "></time>", html) for name, html in still.items()}


async def test_strangers_and_unknown_runs_have_no_stream(watched: Watched) -> None:
    client = AsyncClient()
    await client.aforce_login(watched.cast.stranger.user)
    for team in ("acme", "others"):
        path = f"/t/{team}/runs/{watched.run.pk}/events/"
        response = await client.get(path, headers={"Accept": "text/event-stream"})
        assert response.status_code == 404
        assert response["Content-Type"].startswith("text/plain")
