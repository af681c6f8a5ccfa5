"""A journal in memory: for the Python API, tests and benchmarks. It is lost with its process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.errors import ModelRefused
from engine.providers.throttle import LaneKey, Throttle
from engine.record.journal import (
    CallIntent,
    CallOutcome,
    CallRecord,
    LostCall,
    RefusedBy,
    TaskResult,
    TaskStatus,
    Verdict,
    is_final,
)

Reviewer = Callable[[str, str], Awaitable[Verdict]]
"""Shows a person a task's key and its answer, or a request that it is about to send, and returns their verdict."""


class MemoryJournal:
    """``calls`` and ``results``: what was recorded before, to be replayed. ``reviewer``: who is asked about answers."""

    def __init__(
        self,
        calls: list[CallRecord] | None = None,
        results: list[TaskResult] | None = None,
        *,
        reviewer: Reviewer | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self.calls: list[CallRecord] = list(calls or ())
        self.results: list[TaskResult] = list(results or ())
        self._final: dict[tuple[str, str, int], CallRecord] = {}
        for call in self.calls:
            self._note_final(call)
        self.reviews: dict[tuple[str, int], Verdict] = {}
        self.permissions: dict[tuple[str, str, int], Verdict] = {}
        self.refused: dict[tuple[str, str, int | None], RefusedBy] = {}
        self._reviewer = reviewer
        self._throttle = throttle or Throttle()

    async def finished_task(self, task: str) -> TaskResult | None:
        ended = (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.SKIPPED)
        return next((result for result in self.results if result.task == task and result.status in ended), None)

    async def task_started(self, task: str, agent: str) -> None:
        pass

    async def task_ended(self, result: TaskResult) -> None:
        self.results.append(result)

    async def finished_call(self, task: str, step: int, *, branch: str = "") -> CallRecord | None:
        return self._final.get((task, branch, step))

    async def lost_call(self, task: str, step: int, *, branch: str = "") -> LostCall | None:
        return None  # this record is lost with its worker, so nobody ever replays such a call

    async def permission(self, task: str, request: str, step: int, *, branch: str = "") -> Verdict | None:
        place = (task, branch, step)
        if place not in self.permissions and self._reviewer is not None:
            self.permissions[place] = await self._reviewer(task, request)
        return self.permissions.get(place)

    async def retrying(self, task: str, seconds: float, *, throttled: bool) -> None:
        pass

    async def open_call(self, intent: CallIntent) -> CallIntent:
        if intent.is_request:
            await self._throttle.enter(lane_of(intent), tokens=intent.prompt_tokens)
        return intent

    async def settle_call(self, ticket: object, outcome: CallOutcome) -> None:
        assert isinstance(ticket, CallIntent)
        if ticket.is_request:
            self._throttle.leave(
                lane_of(ticket),
                throttled=outcome.throttled,
                retry_after_s=outcome.retry_after_s,
                more_tokens=outcome.usage.total_tokens - ticket.prompt_tokens,
            )
        self.calls.append(CallRecord(ticket, outcome))
        self._note_final(self.calls[-1])

    def _note_final(self, call: CallRecord) -> None:
        intent = call.intent
        place = (intent.task, intent.branch, intent.step)
        earlier = self._final.get(place)
        was_refused = earlier is not None and earlier.outcome.error_code == ModelRefused.code
        if is_final(intent.kind, call.outcome) and (earlier is None or was_refused):
            self._final[place] = call

    async def answer_refused(self, task: str, by: RefusedBy, *, branch: str, step: int | None) -> None:
        self.refused.setdefault((task, branch, step), by)

    async def review(self, task: str, number: int, answer: str) -> Verdict | None:
        if (task, number) not in self.reviews and self._reviewer is not None:
            self.reviews[task, number] = await self._reviewer(task, answer)
        return self.reviews.get((task, number))


def lane_of(intent: CallIntent) -> LaneKey:
    """The lane of the throttle in which a provider counts the request."""
    return (intent.credential, intent.model)
