"""The hub wakes readers when there may be something new, and at no other time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from runs.live.hub import changes
from runs.live.notify import run_changed
from runs.models import Run
from runs.states import RunState
from teams.actions import issue_token
from teams.models import Scope
from teams.rights import right_of_token
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_run

pytestmark = pytest.mark.django_db(transaction=True)
HEARTBEAT_S = 0.5
PATIENCE = 40
"""Heartbeats."""


@pytest.fixture(autouse=True)
async def no_connection_left() -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def run(cast: Cast) -> Run:
    return make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING)


async def woken(notices: AsyncIterator[bool]) -> bool:
    """Whether the reader is woken before its patience ends."""
    for _ in range(PATIENCE):
        if await anext(notices):
            return True
    return False


async def test_a_reader_looks_once_then_at_changes_and_after_a_lost_connection(cast: Cast, run: Run) -> None:
    token, _ = await sync_to_async(issue_token)(cast.viewer, scope=Scope.READ)
    right = right_of_token(cast.viewer, token)
    async with aclosing(changes(run.pk, right, heartbeat_s=HEARTBEAT_S)) as notices:
        assert [await anext(notices) for _ in range(2)] == [True, False]
        await sync_to_async(run_changed)(run.pk)
        assert await woken(notices)
        assert not await anext(notices)
        assert await sync_to_async(end_listeners)() == 1
        assert await woken(notices)


def end_listeners() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN %' AND datname = current_database()"
        )
        return len(cursor.fetchall())
