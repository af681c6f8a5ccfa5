"""One worker process: the runs that it holds, its event loop and its group-commit writer.

Celery's threads hand their coroutines to the one loop and wait, so a process runs many runs on a few connections. What
a run does is ``execution``'s; its lease is the ``keeper``'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError as CancelledFuture
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from engine.errors import Cancelled
from runs.bounds.lanes import Queues
from runs.ledger.caches import LedgerCaches
from runs.ledger.group_commit import GroupCommit
from runs.ledger.lease import REASONS, Held
from runs.models import Run
from runs.telemetry.watchdog import Watchdog, end_process
from runs.worker import claim, next_run
from runs.worker.keeper import LeaseKeeper
from runs.worker.one_per_process import one_per_process
from runs.worker.presence import Presence, most_of_one_team

log = logging.getLogger(__name__)

CUT_OFF_S = 5.0
"""How long calls that were cut off may take to be booked."""
CLAIMED_WITHIN_S = 2.0
POLL_S = 0.05

T = TypeVar("T")


class WorkerProcess:
    """Holds at most ``capacity`` runs. Made by ``worker_process()``; ``stop`` must be called in the end.

    ``released`` are the runs that it gave back when it was stopped. ``end_process`` is called if its loop stands still.
    """

    def __init__(self, *, capacity: int = 64, end_process: Callable[[], None] = end_process) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.capacity = capacity
        self.writer = GroupCommit()
        self.queues = Queues()
        self.caches = LedgerCaches()
        self.loop = asyncio.new_event_loop()
        self.stopping = threading.Event()
        self.released: list[UUID] = []
        self.presence = Presence(self.name)
        self._held: dict[tuple[UUID, int], Held] = {}
        self._lock = threading.Lock()
        self._claiming = threading.Lock()
        threading.Thread(target=self.loop.run_forever, name="engine-loop", daemon=True).start()
        self.watchdog = Watchdog(self.loop, give_up=self.give_up, end_process=end_process)
        self._keeper = LeaseKeeper(self, self.presence)

    def hold(self, claim_one: Callable[[], Run | None]) -> tuple[Run, Held] | None:
        """The run that ``claim_one`` claimed, held from now on; None if it got none, or this process has no place.

        One claim at a time: many threads would only compete for the same rows, and each would take a connection.
        """
        with self._claiming:
            run = claim_one() if self.free_places > 0 else None
            if run is None:
                return None
            suspect = run.fruitless_takeovers >= next_run.SUSPECT_FROM
            held = Held(run.pk, run.lease_epoch, run.team_id, suspect)
            with self._lock:
                self._held[held.lease] = held
            return run, held

    def let_go(self, held: Held) -> None:
        """The process no longer holds the run, whatever became of it."""
        with self._lock:
            self._held.pop(held.lease, None)

    @property
    def held(self) -> list[Held]:
        """The runs that it holds now."""
        with self._lock:
            return list(self._held.values())

    @property
    def free_places(self) -> int:
        """How many more runs it takes now: none once it is stopping, or while its loop is stuck."""
        takes_none = self.stopping.is_set() or self.watchdog.is_stuck
        return 0 if takes_none else max(0, self.capacity - len(self._held))

    @property
    def full_teams(self) -> set[int]:
        """Teams that hold so much of this process that the rest is kept for others."""
        most = most_of_one_team(self.capacity)
        runs_of_team = Counter(held.team_id for held in self.held)
        return {team for team, count in runs_of_team.items() if count >= most}

    @property
    def is_wary(self) -> bool:
        """Whether it holds a run that may be what takes workers down. It holds one of those at a time, so that it is
        known which one does."""
        return any(held.suspect for held in self.held)

    def run(self, held: Held, work: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine on the loop while the calling thread waits and the keeper keeps the lease.

        Raises ``Cancelled`` if the run was wound down; ``held.why`` says why.
        """
        try:
            return asyncio.run_coroutine_threadsafe(self._as_job(held, work), self.loop).result()
        except CancelledFuture:
            raise Cancelled(REASONS.get(held.why, "The run was stopped.")) from None

    def stop(self, *, grace_s: float) -> None:
        """Claims nothing more, lets calls in flight settle for ``grace_s``, then cuts them off. Leases are kept until
        then."""
        self.stopping.set()
        with self._claiming:  # a thread that was claiming holds its run by now
            deadline = time.monotonic() + grace_s
        while self.held and time.monotonic() < deadline + CUT_OFF_S:
            for held in self.held:
                self.wind_down(held, "shutdown", grace_s=max(0.0, deadline - time.monotonic()))
            time.sleep(POLL_S)
        self.writer.close()
        self._keeper.end()
        if not self.held:  # else threads wait for a loop that may stand still
            self.watchdog.end()

    def give_up(self) -> None:
        """Lets other workers take over what it holds, because its loop stands still. It counts as lost, not as stopped:
        a run that freezes each of its workers must be known for it in the end.
        """
        self.stopping.set()
        if self._claiming.acquire(timeout=CLAIMED_WITHIN_S):  # a thread that was claiming holds its run by now
            self._claiming.release()
        given_up = self.held
        for held in given_up:
            held.why = "lost"
        try:
            claim.expire(held.lease for held in given_up)
            self.presence.note(holding=len(given_up), stopping=True, still_s=self.watchdog.still_s)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Could not give up the leases; they run out", exc_info=error)
        finally:
            connection.close()

    def readiness(self) -> dict[str, Any]:
        """What its port answers to machines (``runs.telemetry.port``)."""
        still_s = self.watchdog.still_s
        checks = {
            "event_loop": f"It has not moved for {still_s:.0f} s." if self.watchdog.is_stuck else "",
            "stopping": "It takes no more runs." if self.stopping.is_set() else "",
        }
        return {
            "ready": not any(checks.values()),
            "checks": [{"name": name, "ok": not why, "why": why, "needed": True} for name, why in checks.items()],
        }

    def wind_down(self, held: Held, why: str, *, grace_s: float) -> None:
        """The run starts no further call. It is cut off once no call is in flight, or after ``grace_s``."""
        if held.stopping_for != why:
            held.why = held.why or why
            held.stopping_for = why
            asyncio.run_coroutine_threadsafe(self._cut_off(held, grace_s), self.loop)

    async def _as_job(self, held: Held, work: Coroutine[Any, Any, T]) -> T:
        try:
            held.check()
        except Cancelled:
            work.close()
            raise
        held.job = asyncio.current_task()
        return await work

    async def _cut_off(self, held: Held, grace_s: float) -> None:
        deadline = self.loop.time() + grace_s
        while held.in_flight and self.loop.time() < deadline:
            await asyncio.sleep(POLL_S)
        if held.job is not None:
            held.job.cancel()


@one_per_process
def worker_process() -> WorkerProcess:
    """This process's own, made at first use: never before a fork, never in the web process."""
    return WorkerProcess(capacity=settings.WORKER_CONCURRENCY)
