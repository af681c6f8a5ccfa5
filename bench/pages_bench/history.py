"""A team with a history of runs, one of which is live; and the cookie of somebody who is signed in."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from bench.throughput_bench.teams import Customer, _copy, new_customer, new_order


@dataclass(frozen=True)
class Team:
    customer: Customer
    live_run: UUID
    ended_run: UUID
    cookies: list[str]  # of so many people of the team, each with a session

    @property
    def cookie(self) -> str:
        return self.cookies[0]

    @property
    def pages(self) -> dict[str, str]:
        """Addresses by the names they have in the table."""
        here = f"/t/{self.customer.slug}"
        return {
            "list of 50 runs": f"{here}/runs/",
            "one run": f"{here}/runs/{self.ended_run}/",
            "crews": f"{here}/crews/",
            "settings": f"{here}/settings/providers/",
        }

    @property
    def events(self) -> str:
        return f"/t/{self.customer.slug}/runs/{self.live_run}/events/"


def team_with_history(runs: int, *, people: int) -> Team:
    """So many ended runs, copies of one that is launched, over as many minutes; that one, as if it were running; and
    people who may see them: one person's requests would all be counted on one share of the threads."""
    from django.db import connection

    from runs.launch.actions import launch
    from runs.launch.order import LaunchOrder
    from runs.ledger import rollups
    from runs.models import Run

    customer = new_customer("bench", base_url="http://127.0.0.1:1", calls=3)
    live = launch(customer.who, customer.crew, LaunchOrder(inputs={"order": new_order()}))
    copies = [_ended(live, minutes_ago, random.Random(minutes_ago)) for minutes_ago in range(runs, 0, -1)]
    Run.objects.bulk_create(copies, batch_size=500)
    Run.objects.filter(pk=live.pk).update(state="running", started_at=live.created_at)
    rollups.rebuild(customer.who.team.pk)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Team(customer, live.pk, copies[-1].pk, [_cookie(user) for user in _people(customer, people)])


def change(run_id: UUID) -> None:
    """A change of the live run as a worker makes it: a row and a notice."""
    from django.db.models import F

    from runs.live.notify import run_changed
    from runs.models import Run

    Run.objects.filter(pk=run_id).update(revision=F("revision") + 1, spent_nusd=F("spent_nusd") + 100_000)
    run_changed(run_id)


def _ended(model: object, minutes_ago: int, chance: random.Random) -> object:
    from django.utils import timezone

    from runs.models import new_id

    began = timezone.now() - timedelta(minutes=minutes_ago)
    failed = chance.random() < 0.08
    return _copy(
        model,
        id=new_id(),
        state="failed" if failed else "succeeded",
        error="The provider answered 500 after four tries." if failed else "",
        inputs={"order": new_order(), "topic": "What is known of the market for small batteries"},
        created_at=began,
        started_at=began,
        finished_at=began + timedelta(seconds=chance.uniform(1, 300)),
        spent_nusd=chance.randrange(10**8),
        prompt_tokens=chance.randrange(9_000),
        completion_tokens=chance.randrange(3_000),
        simulated=minutes_ago % 3 == 0,
    )


def _people(customer: Customer, count: int) -> list[object]:
    """The owner and others, all of them members."""
    from teams.models import Membership, Role, User

    others = [User(email=f"reader{number}@example.com", name=f"Reader {number}") for number in range(1, count)]
    User.objects.bulk_create(others)
    Membership.objects.bulk_create(Membership(team=customer.who.team, user=user, role=Role.VIEWER) for user in others)
    return [customer.who.user, *others]


def _cookie(user: object) -> str:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
