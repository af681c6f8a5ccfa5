"""What an earlier worker finished of a run, read once at its claim, so that nothing finished is paid again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from engine.journal import (
    CREW_TASK,
    CallIntent,
    CallKind,
    CallOutcome,
    CallRecord,
    CallStatus,
    Effect,
    Purpose,
    Review,
    TaskResult,
    TaskStatus,
)
from engine.llm import LLMReply, ToolCall, Usage
from runs import models
from runs.models import Call, Run, TaskRun
from runs.money import to_usd
from runs.states import TASK_KEPT, CallState


@dataclass(frozen=True, slots=True)
class Replay:
    """Kept task results by key, calls that ended their step by (task key, branch, step), and what people said about
    answers by (task key, number).
    """

    results: dict[str, TaskResult]
    calls: dict[tuple[str, str, int], CallRecord]
    reviews: dict[tuple[str, int], Review] = field(default_factory=dict)


def read_replay(run: Run) -> Replay:
    """Three queries. The calls of kept tasks are not read: their results are enough."""
    kept = run.tasks.filter(state__in=TASK_KEPT)
    told = Q(state=CallState.ERROR, kind="tool") & ~Q(tool_output="")
    calls = run.calls.filter(Q(state=CallState.OK) | told).exclude(task_run__state__in=TASK_KEPT)
    reviews = models.Review.objects.filter(task_run__run=run, approved__isnull=False).select_related("task_run")
    return Replay(
        results={task.key: _result(task) for task in kept},
        calls={(_task_key(call), call.branch, call.step): _record(call) for call in calls.select_related("task_run")},
        reviews={
            (one.task_run.key, one.number): Review(approved=bool(one.approved), comment=one.comment) for one in reviews
        },
    )


def _task_key(call: Call) -> str:
    return call.task_run.key if call.task_run else CREW_TASK


def _result(task: TaskRun) -> TaskResult:
    return TaskResult(
        task=task.key, status=TaskStatus(task.state), raw=task.output_raw, data=task.output_json, error=task.error
    )


def _record(call: Call) -> CallRecord:
    intent = CallIntent(
        task=_task_key(call),
        agent=call.agent,
        branch=call.branch,
        step=call.step,
        attempt=call.attempt,
        kind=CallKind(call.kind),
        purpose=Purpose(call.purpose),
        model=call.model,
        messages=tuple(call.messages),
        params=call.params,
        tool=call.tool,
        arguments=call.arguments,
        effect=Effect(call.effect),
        simulated=call.simulated,
    )
    outcome = CallOutcome(
        status=CallStatus(call.state),
        reply=reply_of(call.reply) if call.reply else None,
        tool_output=call.tool_output if call.kind == "tool" else None,
        cost_usd=None if call.cost_nusd is None else to_usd(call.cost_nusd),
        latency_ms=call.latency_ms or 0,
        cache_hit=call.cache_hit,
    )
    return CallRecord(intent, outcome)


def reply_of(data: dict[str, Any]) -> LLMReply:
    """A model's reply as a call keeps it."""
    tool_calls = tuple(ToolCall(**tool_call) for tool_call in data["tool_calls"])
    return LLMReply(**{**data, "usage": Usage(**data["usage"]), "tool_calls": tool_calls})
