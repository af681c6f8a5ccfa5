"""Waiting for a run's end, for who launches it and wants the result in the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from uuid import UUID

from runs.live.hub import changes
from runs.live.looks import share_look
from runs.models import Run
from runs.run.queries import with_tasks
from runs.run.schemas import RunOut
from runs.states import RUN_ENDED
from teams.api.later import Outcome
from teams.rights import Right

MAX_WAIT_S = 60
"""Proxies give up soon after."""


def result_within(seconds: float, run_id: UUID, right: Right) -> Callable[[], Awaitable[Outcome | None]]:
    """For ``Later``: the whole run as 200, once it has ended; None if it has not by then, or the right was lost."""

    async def outcome() -> Outcome | None:
        try:
            async with asyncio.timeout(seconds):
                return await _ended(run_id, right)
        except TimeoutError:
            return None

    return outcome


async def _ended(run_id: UUID, right: Right) -> Outcome | None:
    async with aclosing(changes(run_id, right)) as notices:
        async for changed in notices:
            if changed and (text := await share_look(("ended", run_id), partial(_look, run_id))):
                return Outcome(200, text)
    return None


def _look(run_id: UUID) -> str:
    """The whole run as JSON; "" while it has not ended."""
    run = Run.objects.filter(pk=run_id, state__in=RUN_ENDED).first()
    return "" if run is None else RunOut.model_validate(with_tasks(run)).model_dump_json(by_alias=True)
