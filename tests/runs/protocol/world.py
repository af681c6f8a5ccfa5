"""The real side: two teams on a real PostgreSQL, one writer of the ledger, and a clock that tests may turn.

Everything is committed. One database serves all examples; each begins by deleting what the last one left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

from django.db import connection

from runs import claim
from runs.group_commit import GroupCommit
from runs.locks import Locks
from runs.models import PriceQuote, Run
from teams.access import Principal
from teams.actions import add_provider
from teams.models import Team
from tests.cast import make_cast, make_crew
from tests.runs.protocol.model import RunModel, TeamModel

MODEL = "gpt-4o-mini"
TASKS = ("figures", "headlines", "brief")
THREADS = 3

CLEAN = """
    DELETE FROM runs_review; DELETE FROM runs_call; DELETE FROM runs_taskrun; DELETE FROM runs_run;
    DELETE FROM runs_bill; DELETE FROM runs_pricequote; UPDATE teams_team SET budget_nusd = NULL
"""


class StutteringWriter(GroupCommit):
    """Can commit an operation and then do it again, as after a COMMIT whose answer was lost."""

    def __init__(self) -> None:
        super().__init__()
        self._in_between: Callable[[], None] | None = None

    @contextmanager
    def twice(self, in_between: Callable[[], None]) -> Iterator[None]:
        """The next operation is done twice, and this once in between."""
        self._in_between = in_between
        try:
            yield
        finally:
            self._in_between = None

    def submit(self, operation: Callable[[], Any], *, locks: Locks | None = None) -> Future[Any]:
        if (in_between := self._in_between) is not None:
            self._in_between = None
            super().submit(operation, locks=locks).exception(timeout=60)
            in_between()
        return super().submit(operation, locks=locks)


class World:
    """Made once for all examples."""

    def __init__(self) -> None:
        cast = make_cast()
        self.people: list[Principal] = [cast.owner, cast.stranger]
        self.crews = [make_crew(who, model=MODEL) for who in self.people]
        for who in self.people:
            add_provider(who, provider="openai", api_key="sk-test")
        self.writer = StutteringWriter()
        self.loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(THREADS)

    def close(self) -> None:
        self.writer.close()
        everybody = Barrier(THREADS)
        self.together([lambda: (everybody.wait(timeout=60), connection.close())] * THREADS)
        self._threads.shutdown()
        self.loop.close()

    def begin(self) -> list[TeamModel]:
        """An empty ledger: the first team has a price for its model, the second does not know it."""
        self.execute(CLEAN)
        self.set_price(0, "2.5")
        return [TeamModel("A"), TeamModel("B")]

    def set_price(self, team: int, input_usd: str) -> None:
        price = {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": "10"}
        PriceQuote.objects.create(team=self.people[team].team, model=MODEL, **price)

    def set_budget(self, team: int, nusd: int | None) -> None:
        Team.objects.filter(pk=self.people[team].team.pk).update(budget_nusd=nusd)

    def wait(self, *works: Coroutine[Any, Any, Any]) -> list[Any]:
        """What each of these gave or raised; they were begun in this order, at once."""

        async def all_of_them() -> list[Any]:
            return await asyncio.wait_for(asyncio.gather(*works, return_exceptions=True), timeout=60)

        return self.loop.run_until_complete(all_of_them())

    def together(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        """Does these at once, each in a thread and on a connection of its own."""
        return [future.result(timeout=60) for future in [self._threads.submit(work) for work in works]]

    def expire(self, run: RunModel) -> None:
        """As if the run's worker had been silent for a lease."""
        self.execute("UPDATE runs_run SET lease_until = clock_timestamp() - interval '1 s' WHERE id = %s", [run.id])

    def take_over(self, run: RunModel) -> Run | None:
        """Another worker claims a run whose lease ran out, while this thread waits for something else."""

        def expire_and_claim() -> Run | None:
            self.expire(run)
            return claim.claim(run.id, owner="worker")

        return self.together([expire_and_claim])[0]

    def let_bells_fade(self) -> None:
        self.execute("UPDATE runs_run SET rung_at = rung_at - interval '2 days'")

    def let_a_lease_pass(self) -> None:
        """Since the end of all runs that ended."""
        self.execute("UPDATE runs_run SET finished_at = finished_at - interval '2 days' WHERE finished_at IS NOT NULL")

    def let_a_month_pass(self, team: int) -> None:
        """What the team has was all a month earlier."""
        which = [self.people[team].team.pk]
        months = "SELECT DISTINCT month FROM runs_bill WHERE team_id = %s ORDER BY month"
        for (month,) in self.read(months, which):
            self.execute(
                "UPDATE runs_bill SET month = month - interval '1 month' WHERE team_id = %s AND month = %s",
                [*which, month],
            )
        self.execute("UPDATE runs_call SET billed_month = billed_month - interval '1 month' WHERE team_id = %s", which)

    def execute(self, statement: str, values: Any = None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    def read(self, query: str, values: Any = None) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def read_several(self, queries: str) -> list[list[tuple[Any, ...]]]:
        """The rows of each of several queries that are sent together."""
        with connection.cursor() as cursor:
            cursor.execute(queries)
            found = [cursor.fetchall()]
            while cursor.nextset():
                found.append(cursor.fetchall())
        return found
