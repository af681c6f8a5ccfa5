"""Following a run or a batch by its events: where it was, how often the stream broke, and until when it is followed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

import httpx

from crewsite_client.answers import RUN_ENDED, BatchSummary
from crewsite_client.asks import Ask
from crewsite_client.connection import EVENTS_SILENT_S, Connection, event_headers, is_header
from crewsite_client.errors import StillGoing, Unreachable
from crewsite_client.patience import Patience
from crewsite_client.server_events import EventReader, TooLongError

T = TypeVar("T")


def is_at_rest(batch: BatchSummary) -> bool:
    """Whether nothing of it goes on: also not a run of one that is paused."""
    return batch["status"] != "running" and not batch["live"]


IS_ENDED: Mapping[str, Callable[[Any], bool]] = {
    "run": lambda run: run["status"] in RUN_ENDED,
    "batch": is_at_rest,
}


class Following(Generic[T]):
    """One for each run or batch that is followed; its streams come one after the other. ``kind``, one of ``IS_ENDED``,
    is also the name of the events that bring its states."""

    def __init__(
        self,
        connection: Connection,
        kind: str,
        shape: type[T],
        ask: Ask[None],
        last_id: str,
        timeout_s: float | None,
    ) -> None:
        event_headers(last_id)  # raises what is wrong with it
        self._connection = connection
        self._kind = kind
        self._shape = shape
        (self._identity,) = ask.names.values()
        self.path = ask.path
        self._until = None if timeout_s is None else time.monotonic() + timeout_s
        self._tried = 0
        self._reader = EventReader()
        self.last_id = last_id
        self.ended = False

    def begin(self, state: T) -> list[T]:
        """What is new in the present state, for who has one already; it may have ended long ago."""
        self.ended = IS_ENDED[self._kind](state)
        revision = cast("Any", state)["revision"]
        return [state] if self.ended and str(revision) != self.last_id else []

    def begun(self, response: httpx.Response) -> None:
        """A stream begins; what was left of the one before is void. Raises ``Unreachable`` for what is none."""
        self._connection.check_events(response)
        self._reader = EventReader()

    @property
    def patience(self) -> Patience:
        """Until a stream is open."""
        return Patience(self._connection.timeout_s)

    @property
    def timeout(self) -> httpx.Timeout:
        silent = EVENTS_SILENT_S if self._until is None else min(EVENTS_SILENT_S, max(0.05, self._left()))
        return httpx.Timeout(self._connection.timeout_s, read=silent)

    def read(self, piece: bytes) -> list[T]:
        """The states that this piece of the stream completes. Raises ``StillGoing`` after the time."""
        self._tried = 0
        found: list[T] = []
        try:
            events = self._reader.feed(piece)
        except TooLongError:
            raise self._connection.no_crewsite("an event without end") from None
        for event in events:
            if not is_header(event.id):
                raise self._connection.no_crewsite("an event whose id is none")
            self.last_id = event.id or self.last_id
            if event.event == self._kind:
                found.append(self._connection.shaped(self._shape, event.data))
        self.ended = bool(found) and IS_ENDED[self._kind](found[-1])
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
            raise StillGoing(f"The {self._kind} {self._identity} had not ended in time. It goes on.")

    def _left(self) -> float:
        assert self._until is not None
        return self._until - time.monotonic()
