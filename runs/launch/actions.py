"""What people do with a crew here: launch it. What a worker then does with the run is not decided here."""

from __future__ import annotations

from functools import partial

from django.db import IntegrityError, transaction

from agents_app.actions import cut_version
from agents_app.models import Crew
from agents_app.queries import locked_revision
from engine.spec.crew_spec import CrewSpec
from engine.text import storable_json
from runs.bounds import budgets, quotas, run_caps
from runs.launch.order import (
    LaunchOrder,
    is_simulated_run,
    key_complaints,
    limit_complaints,
    order_complaints,
    price_complaints,
)
from runs.models import ClockTimestamp, Run, TaskRun
from runs.money import to_nusd
from runs.telemetry import metrics
from runs.worker import bell
from teams.access import Principal, require
from teams.credentials import TeamCredentials
from teams.models import ApiToken, Role
from teams.refusals import Changed, Conflict, Invalid, TooMany


def launch(
    who: Principal,
    crew: Crew,
    order: LaunchOrder,
    *,
    idempotency_key: str | None = None,
    api_token: ApiToken | None = None,
) -> Run:
    """Queues a run and rings for a worker once it is committed.

    The same idempotency key gives the same run again; with another order it is a ``Conflict``. ``Invalid`` names every
    field that is missing or wrong, before anything is spent.
    """
    require(who, Role.RUNNER)
    key = (idempotency_key or "").strip()[:200] or None
    if key and (earlier := _earlier(who, crew, order, key)):
        return earlier
    try:
        with transaction.atomic():
            quotas.take_turn(who)
            run, spec = _ordered_run(who, crew, order)
            run.idempotency_key, run.api_token = key, api_token
            _insert(run, spec)
            transaction.on_commit(partial(bell.ring, run.pk))
    except (IntegrityError, TooMany):
        # Two identical requests raced. The unique key, or the quota, let one through, and this is the other.
        if key and (earlier := _earlier(who, crew, order, key)):
            return earlier
        raise
    metrics.run_launched()
    return run


def _checked_kind(who: Principal, spec: CrewSpec, order: LaunchOrder) -> bool:
    """Whether the run will be simulated. ``Invalid`` if something keeps it from being launched."""
    credentials = TeamCredentials(who.team)
    fields = (
        order_complaints(spec, order)
        | limit_complaints(who.team, order)
        | key_complaints(spec, credentials, simulated=order.simulated)
    )
    if fields:
        raise Invalid("The crew was not launched, and nothing was spent.", fields=fields)
    simulated = is_simulated_run(spec, credentials, wanted=order.simulated)
    if not simulated:
        if fields := price_complaints(who, spec, order):
            raise Invalid("The crew was not launched, and nothing was spent.", fields=fields)
        budgets.refuse_used_up(who)
    return simulated


def _ordered_run(who: Principal, crew: Crew, order: LaunchOrder) -> tuple[Run, CrewSpec]:
    """The run, checked but not saved yet, and the spec that it is to execute."""
    if order.version is None and order.draft_revisions is not None:
        revision = locked_revision(crew)
        if str(revision) not in order.draft_revisions:
            raise Changed(revision)
    version = order.version or cut_version(crew, by=who.user)
    spec = CrewSpec.from_json(version.spec)
    run = Run(
        team=who.team,
        crew=crew,
        version=version,
        simulated=_checked_kind(who, spec, order),
        priority=order.priority,
        inputs=storable_json(dict(spec.inputs) | dict(order.inputs)),
        metadata=storable_json(dict(order.metadata)),
        budget_nusd=who.team.run_budget_nusd if order.budget_usd is None else to_nusd(order.budget_usd),
        at_limit=order.at_limit or who.team.at_limit,
        accepts_unpriced=order.accept_unpriced,
        **{name: run_caps.capped(who.team, name, bound) for name, bound in order.bounds.items()},
        created_by=who.user,
        request_hash=order.request_hash,
        created_at=ClockTimestamp(),  # not when the transaction began: the launch quota counts by it
        rung_at=ClockTimestamp(),
    )
    return run, spec


def _insert(run: Run, spec: CrewSpec) -> None:
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
    """The run that was launched with this idempotency key; ``Conflict`` if it was another order."""
    earlier = Run.objects.filter(team=who.team, idempotency_key=key).first()
    if earlier is not None and (earlier.request_hash != order.request_hash or earlier.crew_id != crew.pk):
        raise Conflict(
            f"The idempotency key {key!r} was used for another launch (run {earlier.pk}). Use a new key for a new run."
        )
    return earlier
