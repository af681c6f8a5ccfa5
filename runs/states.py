"""The states of runs and calls, and the moves that runs and tasks may make. Who makes a move is not decided here.

A task's states are the engine's ``TaskStatus``.
"""

from __future__ import annotations

from django.db.models import TextChoices

from engine.record.journal import TaskStatus


class RunState(TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CallState(TextChoices):
    """``late``: settled by a worker that had lost its lease. ``unknown``: nobody knows whether it was billed."""

    INTENT = "intent"
    OK = "ok"
    ERROR = "error"
    LATE = "late"
    UNKNOWN = "unknown"


class CallWait(TextChoices):
    """What a task's next call waits for while the task runs. ``budget``: money that calls in flight still hold."""

    RATE_LIMIT = "rate_limit"
    RETRY = "retry"
    BUDGET = "budget"


QUEUE = "queue"
"""What a queued run waits for: a worker."""
PLACE = "runs_at_once"
"""What it waits for if its team has as many runs under way as it may have: one of them to end or to be set aside."""
PERSON = "person"
BUDGETS = RUN_BUDGET, TEAM_BUDGET, USER_BUDGET = ("run_budget", "team_budget", "user_budget")
"""What a waiting run waits for besides a person: the budget that did not cover its next call."""

RUN_LIVE = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
RUN_ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
TASK_ENDED = (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED)
TASK_KEPT = (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.SKIPPED)
"""How a task ended for good: a worker that takes the run over keeps it. Cancelled tasks follow from failed ones."""

RUN_MOVES = {
    RunState.QUEUED: {RunState.RUNNING, RunState.CANCELLED},
    RunState.RUNNING: {RunState.RUNNING, RunState.WAITING, *RUN_ENDED},  # running again: another worker takes it over
    RunState.WAITING: {RunState.QUEUED, RunState.CANCELLED},
}
"""To which states a run may go from which. ``tests/runs/test_states.py`` tries every statement that moves one."""

_TASK_OPEN = (TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.WAITING)
TASK_MOVES = {status: {TaskStatus.RUNNING, TaskStatus.WAITING, *TASK_ENDED} - {status} for status in _TASK_OPEN}
"""To which states a task may go from which: an open task to any but ``pending``, an ended one to none."""


class CostClass(TextChoices):
    """Where a call's cost belongs; every call has exactly one, so that the classes sum to the bill."""

    WORK = "work"
    PLANNING = "planning"
    MANAGER = "manager"
    GUARDRAIL = "guardrail"
    RETRY = "retry"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DUPLICATE = "duplicate"
    CACHE_HIT = "cache_hit"


class RunWaste(TextChoices):
    """Why well-made calls were paid for in vain: their run gave nothing."""

    FAILED = "failed_run"
    CANCELLED = "cancelled_run"


WASTED = (CostClass.FAILED, CostClass.RETRY, CostClass.REJECTED, CostClass.CANCELLED, CostClass.DUPLICATE)
"""Cost classes of which nothing came."""


def waste_of(cost_class: str, state: str) -> str:
    """Why money spent on calls of this class, in runs of this state, is waste; "" if it is not.

    The reasons are the classes in ``WASTED``, and a ``RunWaste`` for what was paid for well-made calls of a run that
    gave nothing.
    """
    if cost_class in WASTED:
        return cost_class
    return {RunState.FAILED: RunWaste.FAILED, RunState.CANCELLED: RunWaste.CANCELLED}.get(RunState(state), "")


class Measure(TextChoices):
    """What is counted of a run's distribution: nano-dollars, or milliseconds from its first claim to its end."""

    COST = "cost"
    DURATION = "duration"


class Priority(TextChoices):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class BatchState(TextChoices):
    """Of a batch as a whole. A paused one starts no row; those under way end. ``done``: each of its rows has ended."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class BatchPause(TextChoices):
    """Why a batch is paused. ``left``: who launched it may no longer launch, or the token is revoked that did.
    ``archived``: its crew is."""

    PERSON = "person"
    FAILURES = "failures"
    BUDGET = "budget"
    LEFT = "left"
    ARCHIVED = "archived"


class Overlap(TextChoices):
    """What a schedule does at a time at which its launch before is still under way."""

    SKIP = "skip", "Leave this one out"
    QUEUE = "queue", "Launch once that has ended"


class ScheduleOff(TextChoices):
    """Why a schedule is off. ``left``: its owner may no longer launch, or the token is revoked that set it.
    ``archived``: its crew or its data set is. ``never``: none of its times is still to come."""

    PERSON = "person"
    LEFT = "left"
    ARCHIVED = "archived"
    NEVER = "never"


class TimeOutcome(TextChoices):
    """What became of one of a schedule's times. ``asked``: launched when somebody asked for it, at no time of its own.
    ``off``: it went off by itself."""

    LAUNCHED = "launched"
    REFUSED = "refused"
    SKIPPED = "skipped"
    MISSED = "missed"
    WAITING = "waiting"
    ASKED = "asked"
    OFF = "off"


LAUNCHED_NOTHING = (TimeOutcome.REFUSED, TimeOutcome.SKIPPED, TimeOutcome.MISSED, TimeOutcome.OFF)
"""For good: a time that waits may still launch."""
