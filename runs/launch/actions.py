"""People's verb on crews: launch one.

What happens to a run on a worker is not decided here.
"""

from __future__ import annotations

from functools import partial

from django.db import IntegrityError, transaction

from agents_app.actions import cut_version
from agents_app.models import Crew
from engine.catalogue.model_ids import is_simulated, provider_of
from engine.spec.crew_spec import CrewSpec
from engine.spec.named_models import llms_of, models_of
from engine.text import storable_json
from runs.bounds import budgets, quotas
from runs.launch.order import LaunchOrder, limit_complaints, order_complaints
from runs.models import ClockTimestamp, Run, TaskRun
from runs.money import to_nusd
from runs.telemetry import metrics
from runs.worker import bell
from teams.access import Principal, require
from teams.credentials import TeamCredentials
from teams.models import ApiToken, Role
from teams.refusals import Conflict, Invalid, TooMany


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
            transaction.on_commit(partial(bell.ring, run.pk))
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


def _queue(who: Principal, crew: Crew, order: LaunchOrder) -> Run:
    version = order.version or cut_version(crew, by=who.user)
    spec = CrewSpec.from_json(version.spec)
    credentials = TeamCredentials(who.team)
    fields = (
        order_complaints(spec, order)
        | limit_complaints(who.team, order)
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
