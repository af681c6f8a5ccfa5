"""Teams that launch: each with a crew, a provider key for the stand-in and an API token; and their queues.

A run's input ``order`` is its name: the crew's tasks carry it, so that the stand-in can tell which run asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db import connection, transaction

MODEL = "gpt-4o-mini"
LIVE = "state IN ('queued', 'running')"
SEND = "SELECT pgmq.send_batch('runs', array_agg(%s::jsonb)) FROM generate_series(1, %s)"
MESSAGES_AT_ONCE = 200
"""In one transaction; each of them updates the same row of pgmq's, which takes the square of their number."""
_numbers = count(1)


@dataclass(frozen=True)
class Customer:
    """A team as its client sees it, and as this process does: ``who`` and ``crew`` are Django's objects."""

    slug: str
    token: str
    who: Any
    crew: Any

    @property
    def path(self) -> str:
        """Where its crew is launched."""
        return f"/api/v1/crews/{self.crew.slug}/runs"


def new_order() -> str:
    """A name that no run has yet."""
    return f"o{next(_numbers)}"


def new_customer(name: str, *, base_url: str, calls: int) -> Customer:
    """A team with a crew whose tasks are a chain of so many calls."""
    from agents_app.actions import create_crew
    from engine.spec.crew_spec import AgentSpec, CrewSpec, LLMSpec, TaskSpec
    from teams.access import Principal
    from teams.actions import add_provider, begin_team, issue_token
    from teams.models import Role, Team, User

    email = f"{name}@example.com"
    begin_team(email=email, name=name, slug=name)
    Team.objects.filter(slug=name).update(runs_at_once=None, launch_quota=None)  # it is the workers that are measured
    who = Principal(User.objects.get(email=email), Team.objects.get(slug=name), Role.OWNER)
    add_provider(who, provider="openai", api_key="sk-loopback", base_url=base_url)
    agent = AgentSpec(key="analyst", role="Analyst", goal="Find it", llm=LLMSpec(model=MODEL, max_tokens=200))
    tasks = tuple(
        TaskSpec(
            key=f"step_{number}",
            description=f"Carry out step {number} of order {{order}}.",
            expected_output="Text",
            agent="analyst",
            context=(f"step_{number - 1}",) if number else (),
        )
        for number in range(calls)
    )
    crew = create_crew(who, name=name, spec=CrewSpec(name=name, agents=(agent,), tasks=tasks))
    return Customer(name, issue_token(who)[1], who, crew)


def launch_together(customers: Iterable[Customer], *, each: int) -> int:
    """Launches in one transaction, as a batch would: all of them can be seen, and are rung for, at once."""
    from runs.launch.actions import launch
    from runs.launch.order import LaunchOrder

    launched = 0
    with transaction.atomic():
        for customer in customers:
            for _ in range(each):
                launch(customer.who, customer.crew, LaunchOrder(inputs={"order": new_order()}))
                launched += 1
    return launched


def fill_queue(customer: Customer, runs: int) -> None:
    """So many queued runs, copies of one that is launched, then a message of the bell for each."""
    from runs.launch.actions import launch
    from runs.launch.order import LaunchOrder
    from runs.models import Run, TaskRun, new_id

    if runs <= 0:
        return
    with transaction.atomic():
        model = launch(customer.who, customer.crew, LaunchOrder(inputs={"order": new_order()}))
        tasks = list(model.tasks.all())
        copies = [_copy(model, id=new_id(), inputs={"order": new_order()}) for _ in range(runs - 1)]
        Run.objects.bulk_create(copies, batch_size=500)
        TaskRun.objects.bulk_create(
            [_copy(task, id=None, run_id=run.pk) for run in copies for task in tasks], batch_size=1000
        )
    ring_times(runs - 1)


def ring_times(times: int) -> None:
    """So many messages of the bell."""
    from celery import current_app
    from kombu import Connection

    from runs.worker.bell import WORK

    with Connection("memory://") as broker:
        current_app.send_task(WORK, connection=broker, retry=False)
        message = json.dumps(broker.default_channel._get("runs"))
    with connection.cursor() as cursor:
        for left in range(times, 0, -MESSAGES_AT_ONCE):
            cursor.execute(SEND, [message, min(left, MESSAGES_AT_ONCE)])


def _copy(row: Any, **changes: Any) -> Any:
    fields = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not getattr(field, "generated", False)
    }
    return type(row)(**fields | changes)


def count_runs(where: str, *parameters: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM runs_run WHERE {where}", parameters)
        found: int = cursor.fetchone()[0]
    return found
