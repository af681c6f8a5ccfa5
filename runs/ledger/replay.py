"""Reads at a claim what earlier workers finished of the run, so that nothing finished is paid again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from engine.catalogue.pricing import Usage
from engine.errors import ModelRefused
from engine.providers.llm import LLMReply, ToolCall
from engine.record.journal import (
    CREW_TASK,
    CallIntent,
    CallKind,
    CallOutcome,
    CallRecord,
    CallStatus,
    LostCall,
    Purpose,
    TaskResult,
    TaskStatus,
    Verdict,
)
from engine.tools.tool import Effect
from runs import models
from runs.models import Call, Run, TaskRun
from runs.money import to_usd
from runs.states import TASK_KEPT, CallState

# A tool call that failed but told the model something: the model has gone on from that.
TOLD = Q(state=CallState.ERROR, kind="tool") & ~Q(tool_output="")
# A model's refusal, which is not asked for again.
REFUSED = Q(state=CallState.ERROR, kind="model", error_code=ModelRefused.code)
# A tool call that must not be carried out twice.
UNSAFE = Q(kind="tool", effect=Effect.UNSAFE.value, simulated=False)

Step = tuple[str, str, int]
"""Task key, branch and number."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What there is of a run at its claim."""

    results: dict[str, TaskResult]  # of tasks that ended for good, by key
    calls: dict[Step, CallRecord]  # that ended their step
    reviews: dict[tuple[str, int], Verdict] = field(default_factory=dict)  # of answers, by task key and number
    permissions: dict[tuple[str, str], tuple[str, Verdict]] = field(default_factory=dict)  # by task key and step
    lost: dict[Step, tuple[UUID, LostCall]] = field(default_factory=dict)  # unsafe tool calls of unknown outcome, by id
    task_ids: dict[str, int] = field(default_factory=dict)  # of the tasks' rows, by key
    decisions: int = 0  # how many reviews people had decided


def replay_at_claim(run: Run) -> Replay:
    """What there is to replay of a run that was just claimed. A first claim has nothing, and takes one query."""
    if run.lease_epoch > 1:
        return read_replay(run)
    return Replay(results={}, calls={}, task_ids=dict(run.tasks.values_list("key", "pk")))


def read_replay(run: Run) -> Replay:
    """Three queries. The calls of kept tasks are not read: their results are enough."""
    tasks = list(run.tasks.all())
    keys = {task.pk: task.key for task in tasks}
    known = Q(state=CallState.OK) | Q(TOLD) | Q(REFUSED) | Q(UNSAFE, state__in=(CallState.LATE, CallState.UNKNOWN))
    calls = run.calls.filter(known).exclude(task_run__state__in=TASK_KEPT).order_by("started_at", "id")
    reviews = list(models.Review.objects.filter(task_run__run=run, approved__isnull=False))
    answered = {review.call_id: LostCall(happened=review.approved, comment=review.comment) for review in reviews}
    ended: dict[Step, CallRecord] = {}
    lost: dict[Step, tuple[UUID, LostCall]] = {}
    for call in calls:
        step = (keys.get(call.task_run_id or 0, CREW_TASK), call.branch, call.step)
        if call.state == CallState.UNKNOWN:
            lost[step] = (call.pk, answered.get(call.pk, LostCall()))
        else:
            ended[step] = _record(call, step[0])
    return Replay(
        results={task.key: _result(task) for task in tasks if task.state in TASK_KEPT},
        calls=ended,
        reviews={
            (keys[review.task_run_id], review.number): Verdict(approved=bool(review.approved), comment=review.comment)
            for review in reviews
            if review.about == "answer"
        },
        permissions={
            (keys[review.task_run_id], review.step): (
                review.answer,
                Verdict(approved=bool(review.approved), comment=review.comment),
            )
            for review in reviews
            if review.about == "request"
        },
        lost=lost,
        task_ids={task.key: task.pk for task in tasks},
        decisions=len(reviews),
    )


def _result(task: TaskRun) -> TaskResult:
    return TaskResult(
        task=task.key,
        status=TaskStatus(task.state),
        raw=task.output_raw,
        data=task.output_json,
        note=task.output_note,
        error=task.error,
        error_code=task.error_code,
    )


def _record(call: Call, task: str) -> CallRecord:
    intent = CallIntent(
        task=task,
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
        # A late call was carried out all the same, for a worker that had lost its lease.
        status=CallStatus.ERROR if call.state == CallState.ERROR else CallStatus.OK,
        reply=reply_of(call.reply) if call.reply else None,
        tool_output=call.tool_output if call.kind == "tool" else None,
        cost_usd=to_usd(call.cost_nusd),
        error=call.error,
        error_code=call.error_code,
        latency_ms=call.latency_ms or 0,
        cache_hit=call.cache_hit,
    )
    return CallRecord(intent, outcome)


def reply_of(data: dict[str, Any]) -> LLMReply:
    """A model's reply, from the JSON that its call keeps."""
    tool_calls = tuple(ToolCall(**tool_call) for tool_call in data["tool_calls"])
    return LLMReply(**{**data, "usage": Usage(**data["usage"]), "tool_calls": tool_calls})
