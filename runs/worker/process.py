"""One worker process: its event loop, its group-commit writer and the keeper of its leases. What it runs is
execution's.

Celery's threads hand their coroutines to the one loop and wait; so a process runs many runs on a few connections.
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
from runs.ledger.lease import MAX_SILENCE_S, REASONS, Held
from runs.models import Run
from runs.worker import claim, turns
from runs.worker.one_per_process import one_per_process
from runs.worker.presence import Presence, most_of_one_team

log = logging.getLogger(__name__)

BEAT_EVERY_S = 10.0
LOOK_FOR_CANCEL_EVERY_S = 1.0
CANCEL_GRACE_S = 5.0
"""What a person who cancels waits at most; a call that is cut off is booked at its worst case."""
LOST_GRACE_S = 120.0
"""A lost run's calls in flight are paid whatever becomes of them: waiting tells what they cost."""
CUT_OFF_S = 5.0
"""How long what was cut off may take to be written down."""
KEEPER_ENDS_WITHIN_S = 5.0
POLL_S = 0.05

T = TypeVar("T")


class WorkerProcess:
    """The process's one loop, writer and keeper; made by ``worker_process()``. It holds at most ``capacity`` runs.

    ``released`` are those that it gave back when it was stopped.
    """

    def __init__(self, *, capacity: int = 64) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.capacity = capacity
        self.writer = GroupCommit()
        self.queues = Queues()
        self.caches = LedgerCaches()
        self.loop = asyncio.new_event_loop()
        self.stopping = threading.Event()
        self.released: list[UUID] = []
        self.presence = Presence(self.name)
        self._ended = threading.Event()
        self._held: dict[tuple[UUID, int], Held] = {}
        self._lock = threading.Lock()
        self._claiming = threading.Lock()
        threading.Thread(target=self.loop.run_forever, name="engine-loop", daemon=True).start()
        self._keeper = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
        self._keeper.start()

    def hold(self, claim_one: Callable[[], Run | None]) -> tuple[Run, Held] | None:
        """The run that was claimed, held from now on; None if none was to be had, or this process is full or stopping.

        One claim at a time: claims of many threads would only meet at the same rows, and each takes a connection.
        """
        with self._claiming:
            is_full = len(self._held) >= self.capacity
            run = None if is_full or self.stopping.is_set() else claim_one()
            if run is None:
                return None
            suspect = run.fruitless_takeovers >= turns.SUSPECT_FROM
            held = Held(run.pk, run.lease_epoch, run.team_id, suspect)
            with self._lock:
                self._held[held.lease] = held
            return run, held

    def let_go(self, held: Held) -> None:
        """Whatever became of the run: this process no longer holds it."""
        with self._lock:
            self._held.pop(held.lease, None)

    @property
    def held(self) -> list[Held]:
        """The runs that it holds now."""
        with self._lock:
            return list(self._held.values())

    @property
    def full_teams(self) -> set[int]:
        """Teams that hold so much of this process that the rest is kept for others."""
        most = most_of_one_team(self.capacity)
        holding = Counter(one.team_id for one in self.held)
        return {team for team, count in holding.items() if count >= most}

    @property
    def is_wary(self) -> bool:
        """Whether it holds a run that may be what takes workers down: one such at a time, so that it is known which."""
        return any(one.suspect for one in self.held)

    def run(self, held: Held, work: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine on the loop, from a Celery thread, while the keeper keeps its lease.

        Raises ``Cancelled`` if it was stopped; ``held.why`` says why.
        """
        try:
            return asyncio.run_coroutine_threadsafe(self._as_job(held, work), self.loop).result()
        except CancelledFuture:
            raise Cancelled(REASONS.get(held.why, "The run was stopped.")) from None

    def stop(self, *, grace_s: float) -> None:
        """Claims nothing more, lets calls in flight settle for ``grace_s``, then cuts them off; leases are kept until
        then."""
        self.stopping.set()
        with self._claiming:  # who was claiming holds its run by now
            deadline = time.monotonic() + grace_s
        while self.held and time.monotonic() < deadline + CUT_OFF_S:
            for one in self.held:
                self._wind_down(one, "shutdown", grace_s=max(0.0, deadline - time.monotonic()))
            time.sleep(POLL_S)
        self.writer.close()
        self._ended.set()
        self._keeper.join(KEEPER_ENDS_WITHIN_S)  # it may hang at a database that is away

    async def _as_job(self, held: Held, work: Coroutine[Any, Any, T]) -> T:
        try:
            held.check()
        except Cancelled:
            work.close()
            raise
        held.job = asyncio.current_task()
        return await work

    def _keep(self) -> None:
        while not self._ended.wait(LOOK_FOR_CANCEL_EVERY_S):
            try:
                self._keep_once()
                self.presence.note(holding=len(self.held), stopping=self.stopping.is_set())
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("Could not beat; trying again", exc_info=error)
                self._stop_silent()
            except Exception:  # an outer edge: without its keeper a worker would lose every run that it claims
                log.exception("Keeping leases failed by a bug; trying again")
        self.presence.leave()
        connection.close()

    def _keep_once(self) -> None:
        held = self.held
        if not held:
            return
        now = time.monotonic()
        due = [one for one in held if now - one.beaten_at >= BEAT_EVERY_S and one.why != "lost"]
        lost = claim.beat(one.lease for one in due)
        for one in due:
            if one.lease not in lost:
                one.beaten_at = now
        asked = claim.cancel_requested(one.run_id for one in held)
        for one in held:
            if one.lease in lost:
                self._wind_down(one, "lost", grace_s=LOST_GRACE_S)
            elif one.run_id in asked:
                self._wind_down(one, "cancelled", grace_s=CANCEL_GRACE_S)

    def _stop_silent(self) -> None:
        """Without a beat for so long another worker may hold the run by now: start no new call."""
        now = time.monotonic()
        for one in self.held:
            if now - one.beaten_at > MAX_SILENCE_S:
                self._wind_down(one, "lost", grace_s=LOST_GRACE_S)

    def _wind_down(self, held: Held, why: str, *, grace_s: float) -> None:
        """No further call of the run is started; it is cut off once none is in flight, or after ``grace_s``."""
        if held.stopping_for != why:
            held.why = held.why or why
            held.stopping_for = why
            asyncio.run_coroutine_threadsafe(self._cut_off(held, grace_s), self.loop)

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
