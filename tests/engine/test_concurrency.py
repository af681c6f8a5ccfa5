"""Several coroutines at once: which failures cut the others off, and which let them end."""

from __future__ import annotations

import asyncio

import pytest

from engine.concurrency import all_of
from engine.errors import Cancelled, LimitReached, ModelMistake


async def refused(failure: Exception) -> str:
    raise failure


@pytest.mark.parametrize(
    "failure", [Cancelled("The run was asked to stop."), LimitReached("No more.", limit="max_calls", figure=1)]
)
async def test_a_call_that_may_not_be_made_cuts_off_none_that_is_in_flight(failure: Exception) -> None:
    ended = []

    async def in_flight() -> str:
        await asyncio.sleep(0.02)
        ended.append("paid and kept")
        return "reply"

    with pytest.raises(type(failure)):
        await all_of([refused(failure), in_flight()])
    assert ended == ["paid and kept"]


async def test_another_failure_stops_the_others() -> None:
    async def in_flight() -> str:
        await asyncio.sleep(60)
        return "reply"

    with pytest.raises(ModelMistake):
        await asyncio.wait_for(all_of([refused(ModelMistake("wrong")), in_flight()]), 10)
