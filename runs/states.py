"""The states of runs, task runs and calls, and the only ways from one to another. Who moves them is not decided
here.
"""

from __future__ import annotations

from django.db.models import TextChoices


class RunState(TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskState(TextChoices):
    """``waiting``: its answer waits for a person."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
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
PERSON = "person"
BUDGETS = ("run_budget", "team_budget", "user_budget")
"""What a waiting run waits for besides a person: the names of the budgets that did not cover its next call."""

RUN_LIVE = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
RUN_ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
TASK_ENDED = (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED)
TASK_KEPT = (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.SKIPPED)
"""How a task ended for good: whoever takes the run over keeps it. Cancelled ones follow from failed ones."""


class CostClass(TextChoices):
    """Where a call's cost belongs; every call has exactly one, so that the classes sum to the bill."""

    WORK = "work"
    PLANNING = "planning"
    MANAGER = "manager"
    GUARDRAIL = "guardrail"
    RETRY = "retry"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DUPLICATE = "duplicate"
    CACHE_HIT = "cache_hit"


class Priority(TextChoices):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
