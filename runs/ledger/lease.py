"""A run that this process holds: how long its lease can be relied on, and whether it may start another call.

Taking, keeping and giving back leases in the database is ``claim``'s.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.errors import Cancelled

LEASE_S = 30
"""How long a claim or a beat holds a run, by the database's clock."""
MAX_SILENCE_S = 20.0
"""Without a beat for so long another worker may hold the run soon: no new call is started."""

REASONS = {
    "cancelled": "The run was asked to stop.",
    "lost": "Another worker took this run over.",
    "shutdown": "This worker is stopping.",
}


@dataclass(slots=True)
class Held:
    """A run in this process: its lease, the asyncio task that carries it out, and how many of its calls are in flight.

    ``why`` says why it is to stop, "" while it is not: then calls in flight settle, and none is started.
    ``suspect``: it may be what takes workers down. ``stopping_for`` is what it is being wound down for: a shutdown has
    less patience than a cancellation.
    """

    run_id: UUID
    epoch: int
    team_id: int
    suspect: bool = False
    job: asyncio.Task[Any] | None = None
    why: str = ""
    stopping_for: str = ""
    in_flight: int = 0
    beaten_at: float = field(default_factory=time.monotonic)

    @property
    def lease(self) -> tuple[UUID, int]:
        """The run and the epoch at which it is held."""
        return self.run_id, self.epoch

    def check(self) -> None:
        """Raises ``Cancelled`` if no further call may be started."""
        if not self.why and time.monotonic() - self.beaten_at > MAX_SILENCE_S:
            self.why = "lost"
        if self.why:
            raise Cancelled(REASONS[self.why])
