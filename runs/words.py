"""The words that people read in place of the codes that the ledger and the API keep.

This is the only table of them. Pages use it by the filters of ``templatetags.words``; the API and webhooks tell codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.record.journal import Purpose, RefusedBy, TaskStatus
from engine.tools.tool import Effect
from runs.states import (
    PERSON,
    PLACE,
    QUEUE,
    RUN_BUDGET,
    TEAM_BUDGET,
    USER_BUDGET,
    CallState,
    CallWait,
    CostClass,
    Priority,
    RunState,
    RunWaste,
)
from teams.models import AtLimit

WORDS: Mapping[str, str] = {
    RunState.QUEUED: "queued",
    RunState.RUNNING: "running",
    RunState.WAITING: "waiting",
    RunState.SUCCEEDED: "succeeded",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "cancelled",
    TaskStatus.PENDING: "pending",
    TaskStatus.SKIPPED: "skipped",
    CallState.INTENT: "open",
    CallState.OK: "ok",
    CallState.ERROR: "error",
    CallState.LATE: "late",
    CallState.UNKNOWN: "unknown",
    Purpose.WORK: "work",
    Purpose.PLANNING: "planning",
    Purpose.MANAGER: "manager",
    Purpose.GUARDRAIL: "guardrail",
    CostClass.RETRY: "retry",
    RunWaste.FAILED: "calls of failed runs",
    RunWaste.CANCELLED: "calls of cancelled runs",
    CostClass.REJECTED: "rejected",
    CostClass.DUPLICATE: "duplicate",
    CostClass.CACHE_HIT: "reused",
    Priority.LOW: "low",
    Priority.NORMAL: "normal",
    Priority.HIGH: "high",
    Effect.PURE: "changes nothing",
    Effect.IDEMPOTENT: "may be repeated",
    Effect.UNSAFE: "must not be repeated",
}
"""States, purposes, cost classes, priorities and effects. A code that two of these share means the same in both."""


REFUSERS: Mapping[str, str] = {
    RefusedBy.SCHEMA: "its schema",
    RefusedBy.GUARDRAIL: "a guardrail",
    RefusedBy.PERSON: "a person",
}
"""Who refused an answer, after "by"."""


HELD_WORDS: Mapping[str, str] = {
    "reads": "which it reads",
    "order": "by order alone: it names no context, so it reads all before it",
    "in_line": "by order alone: both are synchronous, and it does not read it",
    "condition": "which its condition looks at",
}
"""Why a task began after another one, after its name (``runs.run.findings.held_back``)."""

WASTE_WORDS: Mapping[str, str] = {
    CostClass.FAILED: "refused or failed, or cut off and booked at the most it can have cost",
    CostClass.RETRY: "made again after a failure",
    CostClass.REJECTED: "answers that a schema, a guardrail or a person refused",
    CostClass.CANCELLED: "cut off when the run was stopped",
    CostClass.DUPLICATE: "answered to a worker that no longer held the run",
    RunWaste.FAILED: "well made, in a run that gave nothing",
    RunWaste.CANCELLED: "well made, in a run that was stopped",
}
"""Why money was spent in vain (``states.waste_of``)."""

PART_WORDS: Mapping[str, str] = {
    "prompt": "prompts",
    "cached": "prompts from caches",
    "cache_write": "prompts written to caches",
    "completion": "answers",
    "reasoning": "reasoning",
    "citations": "citations",
    "searches": "searches",
    "request": "fees per request",
    "seconds": "seconds of the server",
    "beyond_ours": "beyond our price",
    "whole": "not divided",
}
"""What a cost is made of: the parts that a call keeps, and what is kept without them (``bill_sums.sums.PARTS``)."""


def lack_price(calls: int) -> str:
    """What is said of calls without a price, between how many they are and what they are not in."""
    return "has no known price and is" if calls == 1 else "have no known price and are"


PLACE_WORDS: Mapping[str, str] = {
    "answer": "answer",
    "reasoning": "reasoning",
    "tools": "tools it asks for",
    "arguments": "arguments",
    "output": "output",
    "error": "error",
    "message": "message",
}
"""Where in a call some words stand (``runs.run.findings.texts``)."""

WALL_WORDS: Mapping[str, str] = {
    "queue": "Waiting for a worker",
    "models": "Models",
    "tools": "Tools",
    "rate": "Waiting for the provider's rate",
    "money": "Waiting for money in flight",
    "people": "Waiting for people",
    "set_aside": "Set aside",
    "own": "Our own work",
}
"""What a run's time goes to (``runs.run.findings.wall``)."""


@dataclass(frozen=True, slots=True)
class WaitWords:
    """What a run or a task waits for: ``one`` and ``many`` follow "for", of one run and of several; ``whole`` is told
    on the run's own page."""

    one: str
    many: str
    whole: str


WAITS: Mapping[str, WaitWords] = {
    QUEUE: WaitWords("a worker", "a worker", "waits for a worker"),
    PLACE: WaitWords(
        "other runs of the team", "other runs of their teams", "waits for another run of the team to end or pause"
    ),
    PERSON: WaitWords("a person", "a person", "for a person, see below"),
    RUN_BUDGET: WaitWords("its own budget", "their own budget", "for money: the run's budget"),
    TEAM_BUDGET: WaitWords("the team's budget", "a team's budget", "for money: the team's budget of this month"),
    USER_BUDGET: WaitWords("the member's budget", "a member's budget", "for money: the member's budget of this month"),
    CallWait.RATE_LIMIT: WaitWords(
        "its turn at the provider", "their turn at the provider", "waits for its turn at the provider"
    ),
    CallWait.RETRY: WaitWords("another try", "another try", "tries again after a failed call"),
    CallWait.BUDGET: WaitWords("calls in flight", "calls in flight", "waits for calls in flight to free the budget"),
}

BUDGET_TITLES: Mapping[str, str] = {
    RUN_BUDGET: "The run's budget",
    TEAM_BUDGET: "The team's budget for this month",
    USER_BUDGET: "The budget for this month of whoever launches it",
}
"""Budgets at the beginning of a sentence."""

AT_LIMIT_WORDS: Mapping[AtLimit, str] = {
    AtLimit.PAUSE: "Wait. The run keeps what it has, and goes on by itself once the budget covers its next call.",
    AtLimit.STOP: "Stop. The run fails at once; what is paid for is kept.",
    AtLimit.FALLBACK: "Go on cheaper. The next call asks the agent's fallback models, then the model below; if the "
    "budget does not cover even that, the run waits.",
}
AT_LIMIT_SHORT: Mapping[AtLimit, str] = {
    AtLimit.PAUSE: "wait",
    AtLimit.STOP: "stop",
    AtLimit.FALLBACK: "go on with a cheaper model, else wait",
}
"""What a run does at a budget, as a choice to make and as a few words within a line."""


STARS: Mapping[int, str] = {1: "poor", 2: "weak", 3: "fair", 4: "good", 5: "excellent"}
"""What the stars of a rating mean."""


def mean_stars(rating_sum: int, rating_count: int) -> str:
    """The mean of ratings: whole, or with two decimals. "" without ratings."""
    if not rating_count:
        return ""
    mean, rest = divmod(rating_sum, rating_count)
    return f"{rating_sum / rating_count:.2f}" if rest else str(mean)
