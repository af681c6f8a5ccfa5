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
from collections.abc import Coroutine
from concurrent.futures import CancelledError as CancelledFuture
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection

from engine.errors import Cancelled
from runs import claim
from runs.group_commit import GroupCommit
from runs.lanes import Queues
from runs.ledger_cache import LedgerCaches
from runs.presence import Presence

log = logging.getLogger(__name__)

BEAT_EVERY_S = 10.0
LOOK_FOR_CANCEL_EVERY_S = 1.0
MAX_SILENCE_S = 20.0
KEEPER_ENDS_WITHIN_S = 5.0

REASONS = {"cancelled": "Somebody asked for the run to stop.", "lost": "Another worker took the run over."}

T = TypeVar("T")


@dataclass(slots=True)
class Held:
    """A run in this process: its lease and the asyncio task to cancel. ``why`` says why it was cancelled."""

    run_id: UUID
    epoch: int
    job: asyncio.Task[Any] | None = None
    why: str = ""
    beaten_at: float = field(default_factory=time.monotonic)


class WorkerProcess:
    """The process's one loop, writer and keeper; made by ``worker_process()`` when the worker is ready."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.writer = GroupCommit()
        self.queues = Queues()
        self.caches = LedgerCaches()
        self.loop = asyncio.new_event_loop()
        self.stopping = threading.Event()
        self._stopped = threading.Event()
        self.presence = Presence(self.name)
        self._held: dict[UUID, Held] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self.loop.run_forever, name="engine-loop", daemon=True).start()
        self._keeper = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
        self._keeper.start()

    def run(self, held: Held, work: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine on the loop, from a Celery thread, while the keeper keeps its lease.

        Raises ``Cancelled`` if the keeper stopped it; ``held.why`` says why.
        """
        with self._lock:
            self._held[held.run_id] = held
        try:
            return asyncio.run_coroutine_threadsafe(self._as_job(held, work), self.loop).result()
        except CancelledFuture:
            raise Cancelled(REASONS.get(held.why, "The run was stopped.")) from None
        finally:
            with self._lock:
                self._held.pop(held.run_id, None)

    def stop(self, *, grace_s: float) -> None:
        """Lets calls in flight settle for ``grace_s``, then cancels the rest; claims are refused from now on."""
        self.stopping.set()
        deadline = time.monotonic() + grace_s
        self._cancel_all("shutdown")
        while self._all() and time.monotonic() < deadline:
            time.sleep(0.05)
            self._cancel_all("shutdown")  # one that was only just claimed had nothing to cancel yet
        self.writer.close()
        self._stopped.set()
        self._keeper.join(KEEPER_ENDS_WITHIN_S)  # it may hang at a database that is away

    async def _as_job(self, held: Held, work: Coroutine[Any, Any, T]) -> T:
        held.job = asyncio.current_task()
        return await work

    def _keep(self) -> None:
        while not self.stopping.wait(LOOK_FOR_CANCEL_EVERY_S):
            try:
                self._keep_once()
                self.presence.note(holding=len(self._all()))
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("Could not beat; trying again", exc_info=error)
                self._stop_silent()
        self.presence.stops(holding=len(self._all()))
        self._stopped.wait()
        self.presence.leave()
        connection.close()

    def _keep_once(self) -> None:
        held = self._all()
        if not held:
            return
        now = time.monotonic()
        due = [one for one in held if now - one.beaten_at >= BEAT_EVERY_S]
        lost = claim.beat((one.run_id, one.epoch) for one in due)
        for one in due:
            one.beaten_at = now
        asked = claim.cancel_requested(one.run_id for one in held)
        for one in held:
            if one.run_id in lost:
                self._cancel(one, "lost")
            elif one.run_id in asked:
                self._cancel(one, "cancelled")

    def _stop_silent(self) -> None:
        """Without a beat for so long another worker may hold the run by now: start no new call."""
        now = time.monotonic()
        for one in self._all():
            if now - one.beaten_at > MAX_SILENCE_S:
                self._cancel(one, "lost")

    def _cancel_all(self, why: str) -> None:
        for one in self._all():
            self._cancel(one, why)

    def _cancel(self, held: Held, why: str) -> None:
        if held.job is not None and not held.why:
            held.why = why
            self.loop.call_soon_threadsafe(held.job.cancel)

    def _all(self) -> list[Held]:
        with self._lock:
            return list(self._held.values())


def worker_process() -> WorkerProcess:
    """This process's own, made at first use: never before a fork, never in the web process."""
    with _making:  # a cache alone would let several threads make one each
        return _made()


_making = threading.Lock()


@cache
def _made() -> WorkerProcess:
    return WorkerProcess()
