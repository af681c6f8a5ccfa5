"""People's verbs on runs: launch one, ask it to stop, answer what it asks.

What happens to a run on a worker is not decided here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from agents_app.actions import cut_version
from agents_app.models import Crew, CrewVersion
from engine.limits import RunLimits
from engine.models import is_simulated, provider_of
from engine.spec import CrewSpec
from engine.validate import missing_inputs
from runs import budgets, claim, metrics, quotas, tasks
from runs.budgets import MAX_BUDGET_USD
from runs.models import ClockTimestamp, Review, Run, TaskRun
from runs.money import dollars, to_nusd
from runs.notify import run_changed
from runs.runtime import TeamCredentials, llms_of, models_of
from runs.states import RUN_ENDED, Priority
from runs.storable import storable_json, storable_text
from teams.access import Principal, require
from teams.models import ApiToken, AtLimit, Role, Team
from teams.refusals import Conflict, Invalid, TooMany

MAX_INPUT_CHARS = 1_000_000
MAX_METADATA_CHARS = 10_000
MAX_COMMENT_CHARS = 20_000
MAX_BOUND = 2_000_000_000


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What a person asks for. ``version`` None launches the draft, cut as a version. ``simulated`` None lets the team's
    provider keys decide: without any key every run is simulated. ``at_limit`` None is the team's way: what the run does
    when a budget does not cover its next call."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    version: CrewVersion | None = None
    budget_usd: Decimal | None = None
    limits: RunLimits = RunLimits()
    priority: str = Priority.NORMAL
    metadata: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool | None = None
    at_limit: str | None = None

    @property
    def bounds(self) -> dict[str, int | None]:
        """The limits besides money, by their names on a run."""
        seconds = self.limits.max_seconds
        return {
            "max_calls": self.limits.max_calls,
            "max_tokens": self.limits.max_tokens,
            "max_seconds": None if seconds is None else round(seconds),
        }

    @property
    def request_hash(self) -> str:
        """Tells one order from another under the same idempotency key."""
        parts = [
            dict(self.inputs),
            self.version and self.version.pk,
            str(self.budget_usd),
            list(self.bounds.values()),
            self.priority,
            dict(self.metadata),
            self.simulated,
        ]
        if self.at_limit is not None:  # orders from before there was a choice keep their hash
            parts.append(self.at_limit)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def launch(
    who: Principal,
    crew: Crew,
    order: LaunchOrder,
    *,
    idempotency_key: str | None = None,
    api_token: ApiToken | None = None,
) -> Run:
    """Queues a run and rings for a worker once it is committed.

    The same idempotency key gives the same run again; with another order it is a Conflict. ``Invalid`` names every
    field that is missing or wrong, before anything is spent.
    """
    require(who, Role.RUNNER)
    key = (idempotency_key or "").strip()[:200] or None
    if key and (earlier := _earlier(who, crew, order, key)):
        return earlier
    try:
        with transaction.atomic():
            quotas.take_turn(who)
            run = _queue(who, crew, order)
            run.idempotency_key, run.api_token = key, api_token
            _insert(run)
            transaction.on_commit(partial(tasks.ring, run.pk))
    except (IntegrityError, TooMany):
        # Two identical requests raced; the unique key let one through, and this is the other.
        if key and (earlier := _earlier(who, crew, order, key)):
            return earlier
        raise
    metrics.run_launched()
    return run


def launch_complaints(who: Principal, spec: CrewSpec, *, simulated: bool | None = None) -> dict[str, str]:
    """What keeps a valid crew from being launched in this team: models without a key, at the field of their agent."""
    return _missing_keys(spec, TeamCredentials(who.team), simulated=simulated)


def request_cancel(who: Principal, run: Run) -> Run:
    """A queued run ends at once; a running one is asked to, and gets a few seconds to settle its call."""
    require(who, Role.RUNNER)
    if run.state in RUN_ENDED:
        raise Conflict(f"This run has already {run.state}.")
    with transaction.atomic():
        Run.objects.filter(pk=run.pk, cancel_requested_at=None).update(
            cancel_requested_at=ClockTimestamp(), revision=F("revision") + 1
        )
        claim.end_unclaimed(run.pk)
        run_changed(run.pk)
    run.refresh_from_db()
    return run


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says to a task's open question.

    About its answer: ``approved``, or sent back with a comment, which the agent is told. About a lost call: whether it
    was carried out. ``number`` and ``call`` say which answer or call was looked at; None is whatever is asked now.
    """

    approved: bool
    comment: str = ""
    number: int | None = None
    call: UUID | None = None


def decide(who: Principal, run: Run, task: str, decision: Decision) -> Run:
    """Answers the open question of a waiting task; the run goes on at once, or when whoever runs it sets it aside."""
    require(who, Role.RUNNER)
    comment = storable_text(decision.comment).strip()
    if len(comment) > MAX_COMMENT_CHARS:
        raise Invalid("Nothing was sent.", fields={"comment": f"At most {MAX_COMMENT_CHARS:,} characters."})
    with transaction.atomic():
        # The run first, as whoever sets it aside does: else each could overlook the other.
        held = Run.objects.select_for_update().get(pk=run.pk)
        review = _open_review(held, task, decision)
        if review is None or held.state in RUN_ENDED:
            if _said_already(who, held, task, replace(decision, comment=comment)):
                return held
            if decision.number is not None and _open_review(held, task, replace(decision, number=None)):
                raise Conflict("The answer that you looked at was sent back meanwhile. Look at the newer one below.")
            raise Conflict("No answer of this task waits for a person. Reload the page to see how the run stands.")
        if review.call_id is None and not decision.approved and not comment:
            raise Invalid("Nothing was sent.", fields={"comment": "Say what should be different."})
        review.approved, review.comment, review.decided_by = decision.approved, comment, who.user
        review.decided_at = ClockTimestamp()
        review.save(update_fields=["approved", "comment", "decided_by", "decided_at"])
        if claim.queue_again(run.pk):
            transaction.on_commit(partial(tasks.ring, run.pk))
        else:
            Run.objects.filter(pk=run.pk).update(revision=F("revision") + 1)
        run_changed(run.pk)
    run.refresh_from_db()
    return run


def _open_review(run: Run, task: str, decision: Decision) -> Review | None:
    """What was looked at, if it is still asked. Without a call named, only one that is asked alone is meant."""
    asked = Review.objects.filter(task_run__run=run, task_run__key=task, approved=None)
    if decision.call is not None:
        return asked.filter(call=decision.call).first()
    if decision.number is not None:
        return asked.filter(call=None, number=decision.number).first()
    found = list(asked[:2])
    if len(found) > 1:
        raise Invalid("Nothing was sent.", fields={"call": "This task asks about several calls. Name one."})
    return found[0] if found else None


def _said_already(who: Principal, run: Run, task: str, decision: Decision) -> bool:
    """Whether this very word was given before: a button that is pressed twice says one thing."""
    given = Review.objects.filter(task_run__run=run, task_run__key=task, decided_by=who.user)
    said = given.filter(approved=decision.approved, comment=decision.comment)
    return decision.number is not None and said.filter(number=decision.number).exists()


def _queue(who: Principal, crew: Crew, order: LaunchOrder) -> Run:
    version = order.version or cut_version(crew, by=who.user)
    spec = CrewSpec.from_json(version.spec)
    credentials = TeamCredentials(who.team)
    fields = (
        _order_complaints(spec, order)
        | _limit_complaints(who.team, order)
        | _missing_keys(spec, credentials, simulated=order.simulated)
    )
    if fields:
        raise Invalid("The crew was not launched, and nothing was spent.", fields=fields)
    simulated = _is_simulated(spec, credentials, order.simulated)
    if not simulated:
        budgets.refuse_used_up(who)
    return Run(
        team=who.team,
        crew=crew,
        version=version,
        simulated=simulated,
        priority=order.priority,
        inputs=storable_json(dict(spec.inputs) | dict(order.inputs)),
        metadata=storable_json(dict(order.metadata)),
        budget_nusd=who.team.run_budget_nusd if order.budget_usd is None else to_nusd(order.budget_usd),
        at_limit=order.at_limit or who.team.at_limit,
        **order.bounds,
        created_by=who.user,
        request_hash=order.request_hash,
        created_at=ClockTimestamp(),  # not when the transaction began: the launch quota counts by it
        rung_at=ClockTimestamp(),
    )


def _insert(run: Run) -> None:
    spec = CrewSpec.from_json(run.version.spec)
    run.save(force_insert=True)
    roles = {agent.key: agent.role for agent in spec.agents}
    TaskRun.objects.bulk_create(
        TaskRun(
            run=run,
            key=task.key,
            position=position,
            name=task.title,
            agent=task.agent or "",
            agent_role=roles.get(task.agent or "", ""),
        )
        for position, task in enumerate(spec.tasks)
    )
    run.refresh_from_db()


def _earlier(who: Principal, crew: Crew, order: LaunchOrder, key: str) -> Run | None:
    earlier = Run.objects.filter(team=who.team, idempotency_key=key).first()
    if earlier is not None and (earlier.request_hash != order.request_hash or earlier.crew_id != crew.pk):
        raise Conflict(
            f"The idempotency key {key!r} was used for another launch (run {earlier.pk}). Use a new key for a new run."
        )
    return earlier


def _is_simulated(spec: CrewSpec, credentials: TeamCredentials, wanted: bool | None) -> bool:
    if wanted or all(is_simulated(model) for model in models_of(spec)):
        return True
    return wanted is None and not credentials.any_model_key


def _missing_keys(spec: CrewSpec, credentials: TeamCredentials, *, simulated: bool | None) -> dict[str, str]:
    if _is_simulated(spec, credentials, simulated):
        return {}
    if any(is_simulated(model) for model in models_of(spec)):
        return {"agents": "Some agents use simulated models and some do not. Use one kind for the whole crew."}
    return {
        field: f"There is no {provider_of(llm.model) or 'known'} key for {llm.model}. "
        "Add one in the team's settings, or launch the crew simulated."
        for field, llm in llms_of(spec).items()
        if credentials.key_for(llm) is None
    }


def _order_complaints(spec: CrewSpec, order: LaunchOrder) -> dict[str, str]:
    fields = {
        f"inputs.{name}": "This input is missing."
        for name in missing_inputs(spec, dict(spec.inputs) | dict(order.inputs))
    }
    for name, value in order.inputs.items():
        if len(value) > MAX_INPUT_CHARS:
            fields[f"inputs.{name}"] = f"At most {MAX_INPUT_CHARS:,} characters."
    if order.budget_usd is not None and not (to_nusd(order.budget_usd) > 0 and order.budget_usd <= MAX_BUDGET_USD):
        fields["budget_usd"] = f"Give a budget above $0 and up to ${MAX_BUDGET_USD:,}, or none."
    for name, bound in order.bounds.items():
        if bound is not None and not 0 < bound <= MAX_BOUND:
            fields[name] = f"Give a number from 1 to {MAX_BOUND:,}, or none."
    if order.priority not in Priority.values:
        fields["priority"] = f"Choose one of {', '.join(Priority.values)}."
    if len(json.dumps(dict(order.metadata))) > MAX_METADATA_CHARS:
        fields["metadata"] = f"At most {MAX_METADATA_CHARS:,} characters of JSON."
    return fields


def _limit_complaints(team: Team, order: LaunchOrder) -> dict[str, str]:
    """What the team's own bounds say against an order."""
    fields = {}
    most = team.run_budget_nusd
    if most is not None and order.budget_usd is not None and to_nusd(order.budget_usd) > most:
        fields["budget_usd"] = f"Your team gives a run at most {dollars(most)}."
    if order.at_limit is not None and order.at_limit not in AtLimit.values:
        fields["at_limit"] = f"Choose one of {', '.join(AtLimit.values)}."
    return fields
