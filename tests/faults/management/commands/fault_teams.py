"""Makes teams for fault tests, each with a key of the provider stand-in and prices of its own; prints them as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from runs.models import PriceQuote
from teams.access import Principal
from teams.actions import add_provider, begin_team, issue_token
from teams.models import Role, Scope, Team, User
from tests.faults.crews import INPUT_USD_PER_MTOK, MODEL, OUTPUT_USD_PER_MTOK


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider_url")
        parser.add_argument("number", type=int)

    def handle(self, *args: Any, provider_url: str, number: int, **options: Any) -> str:
        return json.dumps([_team(f"team-{one}", provider_url) for one in range(number)])


def _team(slug: str, provider_url: str) -> dict[str, Any]:
    email = f"{slug}@example.com"
    team = begin_team(email=email, name=slug, slug=slug)
    who = Principal(User.objects.get(email=email), team, Role.OWNER)
    Team.objects.filter(pk=team.pk).update(launch_quota=None, run_max_calls=None)  # faults of 500 runs or tasks at once
    add_provider(who, provider="openai", api_key="sk-stand-in", base_url=provider_url)
    price = {"input_usd_per_mtok": INPUT_USD_PER_MTOK, "output_usd_per_mtok": OUTPUT_USD_PER_MTOK}
    PriceQuote.objects.create(team=team, model=MODEL, **price)
    return {"id": team.pk, "slug": slug, "token": issue_token(who, scope=Scope.ADMIN)[1]}
