"""A run that this process holds, and whether it may start another call.

Taking, extending and giving back leases in the database is ``runs.worker.claim``'s.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.errors import Cancelled

LEASE_S = 30
"""How long a run is leased from its claim or last beat on, by the database's clock."""
MAX_SILENCE_S = 20.0
"""A run without a beat for longer may be another worker's soon: no call is started."""

REASONS = {
    "cancelled": "The run was asked to stop.",
    "lost": "Another worker took this run over.",
    "shutdown": "This worker is stopping.",
}


@dataclass(slots=True)
class Held:
    """A run that this process holds."""

    run_id: UUID
    epoch: int
    team_id: int
    suspect: bool = False  # it may be what takes workers down
    job: asyncio.Task[Any] | None = None  # what carries it out
    why: str = ""  # why it is to stop, a key of ``REASONS``; from then on no call is started
    stopping_for: str = ""  # what it was last wound down for: a shutdown may follow a cancellation
    in_flight: int = 0  # calls
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
