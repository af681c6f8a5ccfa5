"""What people do with a crew here: launch it. What a worker then does with the run is not decided here."""

from __future__ import annotations

from functools import partial

from django.db import IntegrityError, transaction

from agents_app.models import Crew
from engine.spec.crew_spec import CrewSpec
from engine.text import storable_json
from runs.bounds import quotas, run_caps
from runs.feeding import new_runs
from runs.launch.checks import checked_kind, version_to_launch
from runs.launch.order import LaunchOrder
from runs.models import ClockTimestamp, Run
from runs.money import to_nusd
from runs.telemetry import metrics
from runs.worker import bell
from teams.access import Principal, require
from teams.models import ApiToken, Role
from teams.refusals import Conflict, TooMany


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
            new_runs.queue([run], spec)
            run.refresh_from_db()
            transaction.on_commit(partial(bell.ring, run.pk))
    except (IntegrityError, TooMany):
        # Two identical requests raced. The unique key, or the quota, let one through, and this is the other.
        if key and (earlier := _earlier(who, crew, order, key)):
            return earlier
        raise
    metrics.run_launched()
    return run


def _ordered_run(who: Principal, crew: Crew, order: LaunchOrder) -> tuple[Run, CrewSpec]:
    """The run, checked but not saved yet, and the spec that it is to execute."""
    version = version_to_launch(who, crew, order)
    spec = CrewSpec.from_json(version.spec)
    run = Run(
        team=who.team,
        crew=crew,
        version=version,
        simulated=checked_kind(who, spec, order),
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


def _earlier(who: Principal, crew: Crew, order: LaunchOrder, key: str) -> Run | None:
    """The run that was launched with this idempotency key; ``Conflict`` if it was another order."""
    earlier = Run.objects.filter(team=who.team, idempotency_key=key).first()
    if earlier is not None and (earlier.request_hash != order.request_hash or earlier.crew_id != crew.pk):
        raise Conflict(
            f"The idempotency key {key!r} was used for another launch (run {earlier.pk}). Use a new key for a new run."
        )
    return earlier
