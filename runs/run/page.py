"""The run's page in parts: what each shows and, while the run goes on, which of them changed since they were sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import UUID

from django.template.loader import render_to_string

from agents_app.versions.remembered import graph_of_version
from engine.spec.crew_spec import CrewSpec
from runs.live.hub import changes
from runs.live.looks import share_look
from runs.live.messages import STILL_HERE, message
from runs.models import Run
from runs.run.analysis import analyse
from runs.run.baseline import standing_to_baseline
from runs.run.budget_wait import budget_wait
from runs.run.call_tree import call_lines
from runs.run.drawing.call_rows import call_rows
from runs.run.drawing.graph import graph
from runs.run.drawing.waterfall import waterfall
from runs.run.estimates import progress
from runs.run.forms import DecisionForm, ResumeForm
from runs.run.queries import run_detail
from runs.run.reviews import reviews_of
from runs.run.standing import troubles_of, waits_for, waits_of
from runs.run.timeline import timeline
from runs.states import RunState
from runs.words import HELD_WORDS, WALL_WORDS, WASTE_WORDS, WORDS
from teams.access import Principal
from teams.rights import Right

PARTS = ("summary", "reviews", "result", "tasks", "graph", "wall", "timeline", "waste", "usage", "calls")
WIDE, NARROW = 420, 340
LEAST_PAUSE_S = 0.2
"""Between two messages to one reader: a run that changes a hundred times a second is drawn five times a second."""
PAUSE_PER_LOOK = 3
"""A large run takes long to draw, so it is drawn less often: one reader takes a quarter of a thread at most."""

WHAT_TO_DO = {
    "provider_error": "Look at the last call below, then run again.",
    "provider_key": "An owner changes keys in the settings. Then run again.",
    "provider_permission": "",  # these say it themselves
    "provider_quota": "",
    "provider_busy": "",
    "provider_room": "Shorten the texts, allow a shorter answer, or use a model with a larger window.",
    "provider_model": "",
    "provider_setting": "",
    "provider_down": "",
    "provider_request": "Look at the last call below for what was sent.",
    "provider_address": "An owner changes base URLs in the settings. Then run again.",
    "context_too_long": "",
    "model_refused": "Ask for it in other words, or give the agent a fallback model. The call says what was refused.",
    "model_mistake": "Run again, choose a stronger model, or loosen the schema or guardrail that the answer missed.",
    "max_execution_time": "Give the agent more seconds, or the task less to do.",
    "cancelled": "",
    "poison": "Something in this run takes workers down. Look at the last call below before you run it again.",
    "internal_error": "Run it again; if it fails again, the worker's log names the fault.",
    "run_budget": "If it waits at its budget, you can raise that then.",
    "max_calls": "",  # these three say it themselves
    "max_tokens": "",
    "max_seconds": "",
    "unpriced": "Set its price on the page Prices; or launch again, bound by tokens or accepting such calls.",
    "max_text": "Let its tools and models answer in fewer words, or its tasks read fewer answers of others.",
    "team_budget": "An owner can raise it on the page Limits. Then run again; or wait for next month.",
    "user_budget": "An owner can raise it on the page Limits. Then run again; or wait for next month.",
    "invalid_crew": "Mend the crew, then run again.",
}
LIMIT_ADVICE = "Raise the limit, or make the crew spend less, then run again."


def context(
    run: Run, who: Principal, refused: DecisionForm | None = None, resume: ResumeForm | None = None
) -> dict[str, Any]:
    """Everything that the page shows, read in a fixed number of queries. ``refused`` and ``resume`` are forms that were
    sent and are shown again."""
    spec = CrewSpec.from_json(run.version.spec)
    detail = run_detail(run)
    reviews = reviews_of(run, spec, refused)
    waits = waits_of(run, detail.tasks)
    roles = {agent.key: agent.role for agent in spec.agents}
    drawn = timeline(run, detail.tasks, detail.calls, reviews.all)
    analysis = analyse(run, spec, detail, reviews.all)
    findings = analysis.findings
    states = {task.key: str(task.state) for task in detail.tasks}
    wide = graph_of_version(run.version, spec, width=WIDE)
    return {
        "who": who,
        "run": run,
        "waits": waits,
        "whole_wait": waits_for(run, detail.tasks),
        "task_waits": {wait.task.pk: wait for wait in waits if wait.task is not None and run.state == RunState.RUNNING},
        "troubles": troubles_of(run),
        "detail": detail,
        "advice": WHAT_TO_DO.get(run.error_code, LIMIT_ADVICE if run.error_code else ""),
        "class_names": WORDS,
        "roles": roles,
        "done": sum(task.finished_at is not None for task in detail.tasks),
        "reviews": reviews,
        "budget_wait": budget_wait(run, who, resume),
        "to_baseline": standing_to_baseline(run),
        "rows": call_rows(who, run, call_lines(detail.calls), roles),
        "timeline": drawn,
        "waterfall": waterfall(who, run, drawn, findings),
        "findings": findings,
        "critical": findings.critical,
        "wall_words": WALL_WORDS,
        "held_words": HELD_WORDS,
        "waste_words": WASTE_WORDS,
        "waste": analysis.waste,
        "progress": progress(run),
        "names": {task.key: task.name for task in detail.tasks},
        "graph": wide,
        "wide_graph": graph(wide, "wide", states, findings),
        "narrow_graph": graph(graph_of_version(run.version, spec, width=NARROW), "narrow", states, findings),
    }


async def events(run_id: UUID, who: Principal, right: Right, *, seen: str) -> AsyncIterator[str]:
    """Server-sent events, one for each part that changed, until the run has ended or the right to see it is lost.

    The last event of a change has the run's revision as its id. ``seen`` is the last one that the reader got, so it
    misses nothing.
    """
    sent: Mapping[str, str] = {}
    async with aclosing(changes(run_id, right)) as notices:
        async for changed in notices:
            if not changed:
                yield STILL_HERE
                continue
            began = time.monotonic()
            # All that parts depend on is the run, which is of one team, and what the reader's role lets them do.
            revision, ended, parts = await share_look((run_id, who.role), partial(_look, run_id, who))
            looked_s = time.monotonic() - began
            new = {} if not sent and revision == seen else _differing(parts, sent)
            sent = parts
            for number, (name, html) in enumerate(new.items(), 1):
                yield message(name, html, revision if number == len(new) else "")
            if ended:
                yield message("ended", "", revision)
                return
            await asyncio.sleep(max(LEAST_PAUSE_S, PAUSE_PER_LOOK * looked_s))


def _look(run_id: UUID, who: Principal) -> tuple[str, bool, Mapping[str, str]]:
    """The run's revision, whether it has ended, and each part's HTML."""
    run = Run.objects.select_related("crew", "version", "team", "created_by").get(pk=run_id)
    shown = context(run, who)
    parts: dict[str, str] = {name: render_to_string(f"runs/run/parts/{name}.html", shown) for name in PARTS}
    return str(run.revision), run.ended, parts


def _differing(parts: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    return {name: html for name, html in parts.items() if sent.get(name) != html}
