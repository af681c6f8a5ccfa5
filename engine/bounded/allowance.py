"""How much work on foreign texts one run, and one task of it, may ask for in all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.errors import TooMuchWork

RUN_SECONDS = 60.0
TASK_SECONDS = 10.0


class Allowance:
    """Processor seconds for all the work of a run, or of the part of it that a task may take.

    One piece is done at a time, so a run with many tasks does not keep the child processes from other runs.
    """

    def __init__(self, seconds: float = RUN_SECONDS, *, within: Allowance | None = None) -> None:
        self.seconds = seconds
        self.spent_s = 0.0
        self._within = within
        self._turn: asyncio.Lock = within._turn if within else asyncio.Lock()

    def of_task(self) -> Allowance:
        """A part of this allowance, for one task."""
        return Allowance(TASK_SECONDS, within=self)

    @asynccontextmanager
    async def turn(self, what: str) -> AsyncIterator[None]:
        """Waits until no other work of the run is under way. Raises ``TooMuchWork`` if nothing is left."""
        async with self._turn:
            for allowance in self._chain():
                if allowance.spent_s >= allowance.seconds:
                    whose = "run" if allowance._within is None else "task"
                    raise TooMuchWork(
                        f"{what} was not done: checks of this {whose} took {allowance.seconds:g} s in all. Simplify "
                        "its schemas and patterns, or ask for shorter answers."
                    )
            yield

    def left_s(self) -> float:
        return min(allowance.seconds - allowance.spent_s for allowance in self._chain())

    def spend(self, seconds: float) -> None:
        for allowance in self._chain():
            allowance.spent_s += seconds

    def _chain(self) -> tuple[Allowance, ...]:
        return (self,) if self._within is None else (self, *self._within._chain())
