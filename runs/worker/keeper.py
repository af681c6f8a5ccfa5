"""Keeps the leases of the runs that a process holds, and notices those that were lost or are asked to stop.

How a run is wound down is the process's.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

from django.db import DatabaseError, InterfaceError, connection

from runs.ledger.lease import MAX_SILENCE_S, Held
from runs.telemetry.watchdog import Watchdog
from runs.worker import claim
from runs.worker.presence import Presence

log = logging.getLogger(__name__)

BEAT_EVERY_S = 10.0
LATE_BEAT_S = 3.0
"""Once the loop has stood still for so long, no beat is older: so it may stand still for all of ``MAX_SILENCE_S`` and
lose no run."""
LOOK_FOR_CANCEL_EVERY_S = 1.0
CANCEL_GRACE_S = 5.0
"""The longest that a person who cancels waits. A call that is cut off is booked at its worst case."""
LOST_GRACE_S = 120.0
"""A lost run's calls in flight are paid for whatever becomes of the run; waiting for them tells what they cost."""
ENDS_WITHIN_S = 5.0


class Holder(Protocol):
    """What the keeper needs of its process."""

    stopping: threading.Event
    watchdog: Watchdog

    @property
    def held(self) -> list[Held]: ...

    def wind_down(self, held: Held, why: str, *, grace_s: float) -> None: ...


class LeaseKeeper:
    """A thread that beats for a process's runs, and says on the way that the process lives.

    A beat proves that the event loop moves, not that this thread does: while the loop is stuck there is none.
    """

    def __init__(self, process: Holder, presence: Presence) -> None:
        self._process = process
        self._presence = presence
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Keeps no lease any more. The thread may hang at a database that is away, so it is not waited for long."""
        self._ended.set()
        self._thread.join(ENDS_WITHIN_S)

    def _keep(self) -> None:
        while not self._ended.wait(LOOK_FOR_CANCEL_EVERY_S):
            try:
                self._keep_once()
                self._note_presence()
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("Could not beat; trying again", exc_info=error)
                self._stop_silent()
            except Exception:  # an outer edge: without its keeper a worker would lose every run that it claims
                log.exception("Keeping leases failed by a bug; trying again")
        self._presence.leave()
        connection.close()

    def _note_presence(self) -> None:
        self._presence.note(
            holding=len(self._process.held),
            stopping=self._process.stopping.is_set(),
            still_s=self._process.watchdog.still_s,
        )

    def _keep_once(self) -> None:
        runs = self._process.held
        if not runs:
            return
        now = time.monotonic()
        oldest_s = BEAT_EVERY_S if self._process.watchdog.still_s < LATE_BEAT_S else LATE_BEAT_S
        due = [held for held in runs if now - held.beaten_at >= oldest_s and held.why != "lost"]
        if self._process.watchdog.is_stuck:
            due = []
        lost = claim.beat(held.lease for held in due)
        for held in due:
            if held.lease not in lost:
                held.beaten_at = now
        to_cancel = claim.cancel_requested(held.run_id for held in runs)
        for held in runs:
            if held.lease in lost:
                self._process.wind_down(held, "lost", grace_s=LOST_GRACE_S)
            elif held.run_id in to_cancel:
                self._process.wind_down(held, "cancelled", grace_s=CANCEL_GRACE_S)

    def _stop_silent(self) -> None:
        """A run without a beat for ``MAX_SILENCE_S`` may be another worker's soon: it starts no further call."""
        now = time.monotonic()
        for held in self._process.held:
            if now - held.beaten_at > MAX_SILENCE_S:
                self._process.wind_down(held, "lost", grace_s=LOST_GRACE_S)
