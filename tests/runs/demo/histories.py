"""Made-up histories for tests."""

from __future__ import annotations

from typing import Any

from runs.demo.actions import make_history
from runs.demo.making import Order, last_hour
from runs.ledger.invariants import look
from teams.access import Principal
from teams.models import Membership, Role, Team, User

RUNS, DAYS = 200, 30


def made(slug: str = "made-up", *, runs: int = RUNS, days: int = DAYS, **options: Any) -> Team:
    owner = options.pop("owner", None)
    return make_history(slug, Order(runs, days, options.pop("until", last_hour()), **options), owner=owner)


def onlooker(team: Team) -> Principal:
    user = User.objects.create_user("looks@example.com")
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    return Principal(user, team, Role.OWNER)


def broken() -> list[str]:
    return [f"{finding.name}: {finding.rows}" for finding in look() if finding.count]
