"""Reuses model replies, tool results and task outputs across a team's runs. They are read from the ledger, so nothing
is stored twice.

A team never reuses what is another team's. Within a process, calls that ask for the same thing at once share one
request; an open request of another process is waited for.
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
from runs.states import CallState

log = logging.getLogger(__name__)

POLL_S = 0.25
RETRIES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
"""As the ledger's writer waits, so that a restart of the database ends no run."""
MAX_WAIT_FOR_OTHERS_S = 120.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TeamCaches:
    """What a team's runs in one worker process share."""

    replies: Cache
    outputs: Cache
    tool_results: Cache


class LedgerCaches:
    """The caches of one worker process, by team."""

    def __init__(self) -> None:
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="ledger-cache")
        self._of_team: dict[int, TeamCaches] = {}

    def of(self, team_id: int) -> TeamCaches:
        """The team's caches, made at first use."""
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
        return  # the ledger has it already

    @abstractmethod
    def _rows(self, key: str) -> QuerySet[Any]:
        """The rows that hold values of the key."""

    @abstractmethod
    def _kept(self, row: Any) -> Kept:
        """The row's value, and its cost where one is known."""

    def _newest(self, key: str, max_age_s: float) -> Kept | None:
        age = ExpressionWrapper(ClockTimestamp() - F("finished_at"), output_field=DurationField())
        rows = self._rows(key).annotate(age=age).order_by(F("finished_at").desc())
        if max_age_s != float("inf"):
            rows = rows.filter(finished_at__gte=ClockTimestamp() - timedelta(seconds=max_age_s))
        row = rows.first()
        return None if row is None else replace(self._kept(row), age_s=max(0.0, row.age.total_seconds()))

    async def _read(self, read: Callable[[], T]) -> T:
        """Reads on a thread of the caches' own, which gives its connection back."""

        def read_and_close() -> T:
            try:
                return read()
            finally:
                connection.close()

        for pause_s in (*RETRIES_S, None):
            try:
                return await asyncio.get_running_loop().run_in_executor(self._reader, read_and_close)
            except (OperationalError, InterfaceError) as error:
                if pause_s is None:
                    raise
                log.warning("What is kept cannot be read; trying again in %.2f s", pause_s, exc_info=error)
                await asyncio.sleep(pause_s)
        raise AssertionError("unreachable: the last try returns or raises")


class KeptReplies(_FromLedger):
    """Replies of models. A request that another process has open is waited for while its worker holds the run."""

    async def find(self, key: str, *, max_age_s: float) -> Kept | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MAX_WAIT_FOR_OTHERS_S
        while True:
            kept = await super().find(key, max_age_s=max_age_s)
            if kept is not None or loop.time() > deadline:
                return kept
            if not await self._read(lambda: self._is_being_asked(key)):
                # It may have been settled between the two reads.
                return await super().find(key, max_age_s=max_age_s)
            await asyncio.sleep(POLL_S)

    def _rows(self, key: str) -> QuerySet[Call]:
        return _calls(self._team_id, key, "model").filter(reply__isnull=False)

    def _kept(self, row: Any) -> Kept:
        return Kept(reply_of(row.reply), cost_usd=to_usd(row.cost_nusd))

    def _is_being_asked(self, key: str) -> bool:
        open_calls = Call.objects.filter(team_id=self._team_id, cache_key=key, kind="model", state=CallState.INTENT)
        return open_calls.filter(run__lease_epoch=F("epoch"), run__lease_until__gt=ClockTimestamp()).exists()


class KeptToolResults(_FromLedger):
    """Results of tools, each with whether it is worth keeping, as the engine expects them.

    Calls that another process has open are not waited for, because two runs could wait for each other's.
    """

    def _rows(self, key: str) -> QuerySet[Call]:
        return _calls(self._team_id, key, "tool")

    def _kept(self, row: Any) -> Kept:
        return Kept((row.tool_output, True))


class KeptOutputs(_FromLedger):
    """Outputs of whole tasks."""

    def _rows(self, key: str) -> QuerySet[TaskRun]:
        return TaskRun.objects.filter(run__team_id=self._team_id, cache_key=key, state=TaskStatus.SUCCEEDED)

    def _kept(self, row: Any) -> Kept:
        result = TaskResult(
            row.key, TaskStatus.SUCCEEDED, raw=row.output_raw, data=row.output_json, note=row.output_note
        )
        return Kept(result, cost_usd=None if row.unpriced_calls else to_usd(row.spent_nusd))


def _calls(team_id: int, key: str, kind: str) -> QuerySet[Call]:
    """Calls that made a value of the key, without those that reused one."""
    return Call.objects.filter(team_id=team_id, cache_key=key, kind=kind, state=CallState.OK, cache_hit=False)
