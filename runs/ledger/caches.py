"""Model replies, tool results and task outputs across a team's runs: the ledger itself is what is kept, so nothing is
stored twice.

A hit of one team never comes from another's ledger. Calls of one process that ask for the same thing at once are one
flight; model requests of other processes are seen while they are open, and waited for.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet

from engine.cache import Cache, Kept
from engine.record.journal import TaskResult, TaskStatus
from runs.ledger.replay import reply_of
from runs.models import Call, ClockTimestamp, TaskRun
from runs.money import to_usd
from runs.states import CallState, TaskState

log = logging.getLogger(__name__)

POLL_S = 0.25
RETRIES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
"""As long as the ledger's writer does, so that a database that restarts ends no run."""
MAX_WAIT_FOR_OTHERS_S = 120.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TeamCaches:
    """What a team's runs in one worker process share."""

    replies: Cache
    outputs: Cache
    tool_results: Cache


class LedgerCaches:
    """The caches of one worker process, a set for each team."""

    def __init__(self) -> None:
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="ledger-cache")
        self._of_team: dict[int, TeamCaches] = {}

    def of(self, team_id: int) -> TeamCaches:
        """The team's, made when it is first asked for."""
        if team_id not in self._of_team:
            self._of_team[team_id] = TeamCaches(
                replies=Cache(KeptReplies(team_id, self._reader)),
                outputs=Cache(KeptOutputs(team_id, self._reader)),
                tool_results=Cache(KeptToolResults(team_id, self._reader), shares_failures=True),
            )
        return self._of_team[team_id]


class _FromLedger(ABC):
    """``engine.cache.Store`` over rows of one team that were written anyway; ages are by the database's clock."""

    def __init__(self, team_id: int, reader: ThreadPoolExecutor) -> None:
        self._team_id = team_id
        self._reader = reader

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        return await self._read(lambda: self._newest(key, max_age_s))

    async def keep(self, key: str, value: Any) -> None:
        return  # the row that was written when it was made is what is kept

    @abstractmethod
    def _rows(self, key: str) -> QuerySet[Any]:
        """The rows that hold values of the key."""

    @abstractmethod
    def _kept(self, row: Any) -> Kept:
        """The row's value and what it cost."""

    def _newest(self, key: str, max_age_s: float) -> Kept | None:
        age = ExpressionWrapper(ClockTimestamp() - F("finished_at"), output_field=DurationField())
        rows = self._rows(key).annotate(age=age).order_by(F("finished_at").desc())
        if max_age_s != float("inf"):
            rows = rows.filter(finished_at__gte=ClockTimestamp() - timedelta(seconds=max_age_s))
        row = rows.first()
        return None if row is None else replace(self._kept(row), age_s=max(0.0, row.age.total_seconds()))

    async def _read(self, read: Callable[[], T]) -> T:
        """On one of the caches' own threads, which gives its connection back."""

        def reading() -> T:
            try:
                return read()
            finally:
                connection.close()

        for pause_s in (*RETRIES_S, None):
            try:
                return await asyncio.get_running_loop().run_in_executor(self._reader, reading)
            except (OperationalError, InterfaceError) as error:
                if pause_s is None:
                    raise
                log.warning("What is kept cannot be read; trying again in %.2f s", pause_s, exc_info=error)
                await asyncio.sleep(pause_s)
        raise AssertionError("unreachable: the last try returns or raises")


class KeptReplies(_FromLedger):
    """Replies of models. One that another process is waiting for is waited for too, as long as its worker lives."""

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MAX_WAIT_FOR_OTHERS_S
        while True:
            kept = await super().find(key, max_age_s=max_age_s)
            if kept is not None or loop.time() > deadline:
                return kept
            if not await self._read(lambda: self._is_being_made(key)):
                # It may have been settled between the two looks.
                return await super().find(key, max_age_s=max_age_s)
            await asyncio.sleep(POLL_S)

    def _rows(self, key: str) -> QuerySet[Call]:
        return _made(self._team_id, key, "model").filter(reply__isnull=False)

    def _kept(self, row: Any) -> Kept:
        cost = None if row.cost_nusd is None else to_usd(row.cost_nusd)
        return Kept(reply_of(row.reply), cost_usd=cost)

    def _is_being_made(self, key: str) -> bool:
        open_calls = Call.objects.filter(team_id=self._team_id, cache_key=key, kind="model", state=CallState.INTENT)
        return open_calls.filter(run__lease_epoch=F("epoch"), run__lease_until__gt=ClockTimestamp()).exists()


class KeptToolResults(_FromLedger):
    """Results of tools, each with whether it is worth keeping, as the engine asks for them.

    Those under way elsewhere are not waited for: each would wait for the other's open call.
    """

    def _rows(self, key: str) -> QuerySet[Call]:
        return _made(self._team_id, key, "tool")

    def _kept(self, row: Any) -> Kept:
        return Kept((row.tool_output, True))


class KeptOutputs(_FromLedger):
    """Outputs of whole tasks."""

    def _rows(self, key: str) -> QuerySet[TaskRun]:
        return TaskRun.objects.filter(run__team_id=self._team_id, cache_key=key, state=TaskState.SUCCEEDED)

    def _kept(self, row: Any) -> Kept:
        result = TaskResult(row.key, TaskStatus.SUCCEEDED, raw=row.output_raw, data=row.output_json)
        return Kept(result, cost_usd=None if row.unpriced_calls else to_usd(row.spent_nusd))


def _made(team_id: int, key: str, kind: str) -> QuerySet[Call]:
    """Calls that gave a value of the key, and did not take it from one of the others."""
    return Call.objects.filter(team_id=team_id, cache_key=key, kind=kind, state=CallState.OK, cache_hit=False)
