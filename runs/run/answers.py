"""Runs, tasks and calls as the API shows them: money as decimal text, times in UTC, unknown as null."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.urls import reverse

from engine.record.journal import TaskStatus
from runs.models import Call, Review, Rollup, Run, TaskRun
from runs.money import usd_text
from runs.run.standing import Waiting, troubles_of, waits_for, waits_of
from runs.states import QUEUE, RunState
from teams.times import time_text


def summary_json(run: Run) -> dict[str, Any]:
    """A run without its inputs, outputs and tasks."""
    return {
        "id": run.pk,
        "crew": run.crew.slug,
        "version": run.version.number,
        "status": run.state,
        "waiting_for": QUEUE if run.state == RunState.QUEUED else run.waiting_for or None,
        "simulated": run.simulated,
        "priority": run.priority,
        "created_at": time_text(run.created_at),
        "started_at": time_text(run.started_at),
        "finished_at": time_text(run.finished_at),
        "duration_ms": run.duration_ms,
        "error": _failure(run.error_code, run.error),
        "usage": usage_json(run),
        "url": run_url(run),
    }


def run_json(run: Run) -> dict[str, Any]:
    """A whole run."""
    asked = Review.objects.filter(approved=None).select_related("call")
    tasks = list(run.tasks.order_by("position").prefetch_related(Prefetch("reviews", asked, to_attr="open_reviews")))
    return summary_json(run) | {
        "waiting_for": waits_for(run, tasks) or None,
        "waits": [_wait_json(wait) for wait in waits_of(run, tasks)],
        "troubles": _troubles_json(run),
        "at_limit": run.at_limit,
        "needs_usd": usd_text(run.needs_nusd) if run.needs_nusd is not None else None,
        "inputs": run.inputs,
        "metadata": run.metadata,
        "budget_usd": usd_text(run.budget_nusd),
        "max_calls": run.max_calls,
        "max_tokens": run.max_tokens,
        "max_seconds": run.max_seconds,
        "output": {"raw": run.output_raw, "json": run.output_json} if run.ended and not run.error else None,
        "tasks": [_task_json(task, [] if run.ended else task.open_reviews) for task in tasks],
    }


def usage_json(rollup: Rollup) -> dict[str, Any]:
    """Tokens and cost. The cost is null as soon as the price of one call is unknown, because the sum is then
    unknown.
    """
    return {
        "total_tokens": rollup.total_tokens,
        "prompt_tokens": rollup.prompt_tokens,
        "cached_prompt_tokens": rollup.cached_prompt_tokens,
        "completion_tokens": rollup.completion_tokens,
        "reasoning_tokens": rollup.reasoning_tokens,
        "successful_requests": rollup.successful_requests,
        "cost_usd": None if rollup.unpriced_calls else usd_text(rollup.spent_nusd),
    }


def call_json(call: Call) -> dict[str, Any]:
    """A ledger line with everything that was sent and came back."""
    return {
        "id": call.pk,
        "task": call.task_run.key if call.task_run else None,
        "agent": call.agent,
        "branch": call.branch,
        "kind": call.kind,
        "purpose": call.purpose,
        "cost_class": call.cost_class,
        "model": call.model or None,
        "model_answered": call.model_answered or None,
        "credential": call.credential or None,
        "tool": call.tool or None,
        "arguments": call.arguments or None,
        "tool_output": call.tool_output if call.kind == "tool" else None,
        "status": call.state,
        "simulated": call.simulated,
        "step": call.step,
        "attempt": call.attempt,
        "prompt_tokens": call.prompt_tokens,
        "cached_prompt_tokens": call.cached_prompt_tokens,
        "cache_write_tokens": call.cache_write_tokens,
        "completion_tokens": call.completion_tokens,
        "reasoning_tokens": call.reasoning_tokens,
        "total_tokens": call.total_tokens,
        "usage_estimated": call.usage_estimated,
        "cost_usd": usd_text(call.cost_nusd),
        "cache_hit": call.cache_hit,
        "cache_age_s": call.cache_age_s,
        "saved_usd": usd_text(call.saved_nusd),
        "waited_ms": call.waited_ms,
        "started_at": time_text(call.started_at),
        "finished_at": time_text(call.finished_at),
        "latency_ms": call.latency_ms,
        "ttft_ms": call.ttft_ms,
        "finish_reason": call.finish_reason or None,
        "messages": call.messages,
        "reply": call.reply,
        "error": _failure(call.error_code, call.error),
    }


def run_url(run: Run) -> str:
    """The address of the run's page."""
    path = reverse("run", kwargs={"team": run.team.slug, "run_id": run.pk})
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def _task_json(task: TaskRun, asked: list[Review]) -> dict[str, Any]:
    done = task.state == TaskStatus.SUCCEEDED
    return {
        "key": task.key,
        "name": task.name,
        "agent": task.agent,
        "status": task.state,
        "started_at": time_text(task.started_at),
        "finished_at": time_text(task.finished_at),
        "duration_ms": task.duration_ms,
        "output": {"raw": task.output_raw, "json": task.output_json} if done else None,
        "error": _failure(task.error_code, task.error),
        "questions": [_question_json(review) for review in asked],
        "usage": usage_json(task),
    }


def _wait_json(wait: Waiting) -> dict[str, Any]:
    return {
        "for": wait.what,
        "task": wait.task and wait.task.key,
        "until": time_text(wait.until),
        "ahead": wait.ahead,
    }


def _troubles_json(run: Run) -> dict[str, Any]:
    found = troubles_of(run)
    return {
        "takeovers": found.takeovers,
        "retries": found.retries,
        "refused_calls": found.refused,
        "refused_usd": usd_text(found.refused_nusd),
        "unknown_calls": found.unknown,
        "unknown_usd": usd_text(found.unknown_nusd),
        "late_calls": found.late,
        "late_usd": usd_text(found.late_nusd),
        "corrected_calls": found.corrected,
        "over_booked_usd": usd_text(found.over_booked_nusd),
    }


def _question_json(review: Review) -> dict[str, Any]:
    call = review.call
    return {
        "about": review.about,
        "number": review.number if call is None else None,
        "answer": review.answer if call is None else None,
        "call": call and call.pk,
        "tool": call and call.tool,
        "arguments": call and call.arguments,
        "asked_at": time_text(review.asked_at),
    }


def _failure(code: str, message: str) -> dict[str, str] | None:
    return {"code": code, "message": message} if code or message else None
