"""The real side: two teams on a real PostgreSQL, one writer of the ledger, and a clock that tests may turn.

Everything is committed. One database serves all examples; each begins by deleting what the last one left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from typing import Any

from django.db import connection, transaction

from runs.ledger import rollups
from runs.ledger.group_commit import GroupCommit
from runs.ledger.locks import Locks
from runs.models import PriceQuote, PriceTier, Run
from runs.worker import claim
from teams.access import Principal
from teams.actions import add_provider
from teams.models import Membership, Team
from tests.cast import make_cast, make_crew
from tests.runs.protocol.model import RunModel
from tests.runs.protocol.purses import TeamModel

MODEL = "gpt-4o-mini"
TASKS = ("figures", "headlines", "brief")
DEAR_USD = "5"
THREADS = 3
LONG_S = 60.0
A_LOOK_S = 0.005
"""How long is waited at most before it is looked again whether a statement waits for a lock."""

CLEAN = """
    DELETE FROM runs_inboxentry;
    DELETE FROM runs_review; DELETE FROM runs_correction; DELETE FROM runs_call; DELETE FROM runs_taskrun;
    DELETE FROM runs_run; DELETE FROM runs_runsum; DELETE FROM runs_callsum; DELETE FROM runs_runbucket;
    DELETE FROM runs_runday; DELETE FROM runs_callday; DELETE FROM runs_weekbucket;
    DELETE FROM runs_taskcallsum; DELETE FROM runs_tasktime; DELETE FROM runs_billsum; DELETE FROM runs_daysum;
    DELETE FROM runs_launchlabels; DELETE FROM runs_usagesum;
    DELETE FROM runs_allowance; DELETE FROM runs_bill; DELETE FROM runs_pricetier;
    DELETE FROM runs_pricequote; UPDATE teams_team SET budget_nusd = NULL, user_budget_nusd = NULL,
        runs_at_once = NULL
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
            super().submit(operation, locks=locks).exception(timeout=LONG_S)
            in_between()
        return super().submit(operation, locks=locks)


class _Overlapping:
    """Work in a transaction of its own thread, which commits when it is told to."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.backend: int | None = None
        self.is_done, self.committing = Event(), Event()

    def run(self) -> Any:
        try:
            with transaction.atomic():
                self.backend = connection.connection.info.backend_pid
                answer = self._work()
                self.is_done.set()
                if not self.committing.wait(LONG_S):
                    raise TimeoutError("Nobody said that this may be committed.")
                return answer
        finally:
            self.is_done.set()


class World:
    """Made once for all examples."""

    def __init__(self) -> None:
        cast = make_cast()
        self.owners: list[Principal] = [cast.owner, cast.stranger]
        self.people = [cast.owner, cast.stranger, cast.runner]
        Membership.objects.exclude(user__in=[who.user for who in self.people]).delete()
        self.crews = [make_crew(who, model=MODEL) for who in self.owners]
        for who in self.owners:
            add_provider(who, provider="openai", api_key="sk-test")
        self.writer = StutteringWriter()
        self.loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(THREADS)

    def close(self) -> None:
        self.writer.close()
        everybody = Barrier(THREADS)
        self.together([lambda: (everybody.wait(timeout=LONG_S), connection.close())] * THREADS)
        self._threads.shutdown()
        self.loop.close()

    def begin(self) -> list[TeamModel]:
        """An empty ledger: the first team has a price for its model, the second does not know it."""
        self.execute(CLEAN)
        self.set_price(0, "2.5")
        return [TeamModel("A", people=(0, 2)), TeamModel("B", people=(1,))]

    def set_price(self, team: int, input_usd: str) -> None:
        """A dear one is dearer still for prompts as long as a reservation reckons with, which are never so long."""
        price = {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": "10"}
        quote = PriceQuote.objects.create(team=self.owners[team].team, model=MODEL, **price)
        if input_usd == DEAR_USD:
            longer = {"input_usd_per_mtok": "6", "output_usd_per_mtok": "12"}
            PriceTier.objects.create(quote=quote, above_tokens=300, **longer)

    def fresh(self, person: int) -> Principal:
        """The person with their team as it is now, as each request of theirs finds it."""
        who = self.people[person]
        return Principal(who.user, Team.objects.get(pk=who.team.pk), who.role)

    def wait(self, *works: Coroutine[Any, Any, Any], at_most_s: Sequence[float] = ()) -> list[Any]:
        """What each of these gave or raised; they were begun in this order, at once."""
        times = at_most_s or [LONG_S] * len(works)

        async def all_of_them() -> list[Any]:
            timed = (asyncio.wait_for(work, timeout=time_s) for work, time_s in zip(works, times, strict=True))
            return await asyncio.gather(*timed, return_exceptions=True)

        return self.loop.run_until_complete(all_of_them())

    def together(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        """Does these at once, each in a thread and on a connection of its own."""
        return [future.result(timeout=LONG_S) for future in [self._threads.submit(work) for work in works]]

    def overlapping(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        """Does these at once, each in a transaction, of which none commits before each has either done its work or
        waits for another's lock. So what only a lock keeps apart meets every time that the lock is missing.
        """
        begun = [_Overlapping(work) for work in works]
        futures = [self._threads.submit(one.run) for one in begun]
        while left := [one for one in begun if not one.committing.is_set()]:
            ready = [one for one in left if one.is_done.is_set()]
            working = [one for one in left if one not in ready]
            if ready and self._all_wait(working, begun):
                for one in ready:
                    one.committing.set()
            else:
                working[0].is_done.wait(A_LOOK_S)
        return [future.result(timeout=LONG_S) for future in futures]

    def _all_wait(self, working: Sequence[_Overlapping], begun: Sequence[_Overlapping]) -> bool:
        """Whether each of these waits for a lock that another of them holds."""
        if not working:
            return True
        asked = "SELECT count(*) FROM unnest(%s::int[]) AS pid WHERE pg_blocking_pids(pid) && %s::int[]"
        return self.read(asked, [[one.backend for one in some] for some in (working, begun)]) == [(len(working),)]

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
        """Since the end of all runs that ended, which take as long as before; their sums go with them."""
        with transaction.atomic():
            ended = list(Run.objects.select_for_update().filter(finished_at__isnull=False).values_list("pk", flat=True))
            for run_id in ended:
                rollups.take_out(run_id)
            self.execute("""
                UPDATE runs_run SET created_at = created_at - interval '2 days',
                    started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'
                WHERE finished_at IS NOT NULL
            """)
            for run_id in ended:
                rollups.add(run_id)

    def let_a_month_pass(self, team: int) -> None:
        """What the team has was all a month earlier."""
        which = [self.owners[team].team.pk]
        months = "SELECT DISTINCT billed_month FROM runs_call WHERE team_id = %s UNION SELECT month FROM runs_bill"
        for (month,) in self.read(f"{months} WHERE team_id = %s ORDER BY 1", which * 2):
            for table in ("runs_bill", "runs_allowance", "runs_billsum", "runs_daysum", "runs_usagesum"):
                self.execute(
                    f"UPDATE {table} SET month = month - interval '1 month' WHERE team_id = %s AND month = %s",
                    [*which, month],
                )
        self.execute("UPDATE runs_call SET billed_month = billed_month - interval '1 month' WHERE team_id = %s", which)
        self.execute(
            "UPDATE runs_correction SET month = month - interval '1 month' "
            "WHERE call_id IN (SELECT id FROM runs_call WHERE team_id = %s)",
            which,
        )

    def close_bills(self, team: int) -> None:
        """Of past months, where nothing is in flight any more."""
        self.execute(
            "UPDATE runs_bill SET closed_at = clock_timestamp() WHERE team_id = %s AND closed_at IS NULL "
            "AND reserved_nusd = 0 AND month < date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date",
            [self.owners[team].team.pk],
        )

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
