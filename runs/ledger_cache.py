"""Model replies and task outputs across a team's runs: the ledger itself is what is kept, so nothing is stored twice.

A hit of one team never comes from another's ledger. Calls of one process that ask for the same thing at once are one
flight; those of other processes are seen while they are open, and waited for.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils import timezone

from engine.cache import Cache, Kept
from engine.journal import TaskResult, TaskStatus
from runs.models import Call, TaskRun
from runs.money import to_usd
from runs.replay import reply_of
from runs.states import CallState, TaskState

POLL_S = 0.25
MAX_WAIT_FOR_OTHERS_S = 120.0


class LedgerCaches:
    """The caches of one worker process, a pair for each team."""

    def __init__(self) -> None:
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="ledger-cache")
        self._of_team: dict[int, tuple[Cache, Cache]] = {}

    def of(self, team_id: int) -> tuple[Cache, Cache]:
        """The team's kept replies and kept task outputs."""
        if team_id not in self._of_team:
            self._of_team[team_id] = (
                Cache(KeptReplies(team_id, self._reader)),
                Cache(KeptOutputs(team_id, self._reader)),
            )
        return self._of_team[team_id]


class KeptReplies:
    """``engine.cache.Store`` over the ledger's model calls."""

    def __init__(self, team_id: int, reader: ThreadPoolExecutor) -> None:
        self._team_id = team_id
        self._reader = reader

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MAX_WAIT_FOR_OTHERS_S
        while True:
            kept: Kept | None = await loop.run_in_executor(self._reader, _closing, self._newest, key, max_age_s)
            if kept is not None or loop.time() > deadline:
                return kept
            if not await loop.run_in_executor(self._reader, _closing, self._is_being_made, key):
                return None
            await asyncio.sleep(POLL_S)

    async def keep(self, key: str, value: Any) -> None:
        """Nothing to do: the call's own ledger line is what is kept."""

    def _newest(self, key: str, max_age_s: float) -> Kept | None:
        since = timezone.now() - timedelta(seconds=max_age_s)
        calls = Call.objects.filter(
            team_id=self._team_id, cache_key=key, state=CallState.OK, cache_hit=False, finished_at__gte=since
        )
        call = calls.order_by(F("finished_at").desc()).first()
        if call is None or call.reply is None or call.finished_at is None:
            return None
        cost = None if call.cost_nusd is None else to_usd(call.cost_nusd)
        return Kept(reply_of(call.reply), _age_s(call.finished_at), cost)

    def _is_being_made(self, key: str) -> bool:
        open_calls = Call.objects.filter(team_id=self._team_id, cache_key=key, state=CallState.INTENT)
        return open_calls.filter(run__lease_until__gt=timezone.now()).exists()


class KeptOutputs:
    """``engine.cache.Store`` over the outputs of task runs."""

    def __init__(self, team_id: int, reader: ThreadPoolExecutor) -> None:
        self._team_id = team_id
        self._reader = reader

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        loop = asyncio.get_running_loop()
        kept: Kept | None = await loop.run_in_executor(self._reader, _closing, self._newest, key, max_age_s)
        return kept

    async def keep(self, key: str, value: Any) -> None:
        """Nothing to do: the task run is what is kept."""

    def _newest(self, key: str, max_age_s: float) -> Kept | None:
        since = timezone.now() - timedelta(seconds=max_age_s)
        tasks = TaskRun.objects.filter(
            run__team_id=self._team_id, cache_key=key, state=TaskState.SUCCEEDED, finished_at__gte=since
        )
        task = tasks.order_by(F("finished_at").desc()).first()
        if task is None or task.finished_at is None:
            return None
        result = TaskResult(task.key, TaskStatus.SUCCEEDED, raw=task.output_raw, data=task.output_json)
        return Kept(result, _age_s(task.finished_at), None if task.unpriced_calls else to_usd(task.spent_nusd))


def _age_s(then: datetime) -> float:
    return max(0.0, (timezone.now() - then).total_seconds())


def _closing(read: Any, *arguments: Any) -> Any:
    """Reads on one of the cache's own threads and gives the connection back."""
    try:
        return read(*arguments)
    finally:
        connection.close()
