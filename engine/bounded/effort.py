"""How much work on foreign texts one run, and one task of it, may ask for in all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.errors import TooMuchWork

RUN_SECONDS = 60.0
TASK_SECONDS = 10.0


class Effort:
    """Processor seconds for all such work of a run, or for the part of it that one task may take.

    One piece is done at a time, so a run with many tasks does not keep the child processes from other runs.
    """

    def __init__(self, seconds: float = RUN_SECONDS, *, within: Effort | None = None) -> None:
        self.seconds = seconds
        self.spent_s = 0.0
        self._within = within
        self._turn: asyncio.Lock = within._turn if within else asyncio.Lock()

    def of_task(self) -> Effort:
        """A part of this effort, for one task."""
        return Effort(TASK_SECONDS, within=self)

    @asynccontextmanager
    async def turn(self, what: str) -> AsyncIterator[None]:
        """Waits until no other work of the run is under way. Raises ``TooMuchWork`` if nothing is left."""
        async with self._turn:
            for effort in self._chain():
                if effort.spent_s >= effort.seconds:
                    whose = "run" if effort._within is None else "task"
                    raise TooMuchWork(
                        f"{what} was not done: such work of this {whose} took {effort.seconds:g} s in all. Simplify "
                        "its schemas and patterns, or ask for shorter answers and pages."
                    )
            yield

    def left_s(self) -> float:
        return min(effort.seconds - effort.spent_s for effort in self._chain())

    def spend(self, seconds: float) -> None:
        for effort in self._chain():
            effort.spent_s += seconds

    def _chain(self) -> tuple[Effort, ...]:
        return (self,) if self._within is None else (self, *self._within._chain())
