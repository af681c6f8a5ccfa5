"""What a run reports to whoever watches it, as it happens. Only the journal is the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.record.journal import CallIntent, CallOutcome, TaskResult


@dataclass(frozen=True, slots=True)
class TaskStarted:
    task: str
    agent: str


@dataclass(frozen=True, slots=True)
class TaskEnded:
    result: TaskResult


@dataclass(frozen=True, slots=True)
class CallStarted:
    intent: CallIntent


@dataclass(frozen=True, slots=True)
class CallEnded:
    intent: CallIntent
    outcome: CallOutcome


Event = TaskStarted | TaskEnded | CallStarted | CallEnded
Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Takes the events of a run that nobody watches."""
