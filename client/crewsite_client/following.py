"""Following a run by its events: where it was, how often the stream broke, and until when it is followed."""

from __future__ import annotations

import time
from typing import cast

import httpx

from crewsite_client.answers import RUN_ENDED, Run
from crewsite_client.connection import EVENTS_SILENT_S, Connection
from crewsite_client.errors import StillGoing, Unreachable
from crewsite_client.server_events import EventReader


class Following:
    """One for each run that is followed; its streams come one after the other."""

    def __init__(self, connection: Connection, run_id: str, last_id: str, timeout_s: float | None) -> None:
        self._connection = connection
        self._run_id = run_id
        self._until = None if timeout_s is None else time.monotonic() + timeout_s
        self._tried = 0
        self._reader = EventReader()
        self.last_id = last_id
        self.ended = False

    def begun(self) -> None:
        """A stream begins; what was left of the one before is void."""
        self._reader = EventReader()

    @property
    def timeout(self) -> httpx.Timeout:
        silent = EVENTS_SILENT_S if self._until is None else min(EVENTS_SILENT_S, max(0.05, self._left()))
        return httpx.Timeout(self._connection.timeout_s, read=silent)

    def read(self, piece: bytes) -> list[Run]:
        """The states of the run that this piece of the stream completes. Raises ``StillGoing`` after the time."""
        self._tried = 0
        found = []
        for event in self._reader.feed(piece):
            self.last_id = event.id or self.last_id
            if event.event == "run":
                found.append(cast("Run", self._connection.json_of(event.data)))
        self.ended = bool(found) and found[-1]["status"] in RUN_ENDED
        if not self.ended:
            self.check_time()
        return found

    def wait_after(self, fault: httpx.RequestError | None, answer: httpx.Response | None = None) -> float:
        """Seconds until the next stream, after one that broke, was closed or was refused for now. Raises ``StillGoing``
        after the time, ``Refused`` for another answer, ``Unreachable`` after too many in a row that brought nothing."""
        self.check_time()
        self._tried += 1
        retries = self._connection.retries
        if answer is not None:
            wait = retries.after_answer(answer, self._tried, repeatable=True, keyed=False)
            if wait is None:
                raise self._connection.refusal(answer)
        elif self._tried > retries.times:
            if fault is None:
                raise Unreachable(f"{self._connection.url} closes the stream of events each time it is opened.")
            raise self._connection.unreachable(fault) from fault
        else:
            wait = retries.wait_s(self._tried)
        return wait if self._until is None else min(wait, max(0.0, self._left()))

    def check_time(self) -> None:
        if self._until is not None and self._left() <= 0:
            raise StillGoing(f"The run {self._run_id} had not ended in time. It goes on.")

    def _left(self) -> float:
        assert self._until is not None
        return self._until - time.monotonic()
