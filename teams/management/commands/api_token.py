"""Makes an API token and prints it alone on standard output."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser

from teams.access import Principal
from teams.actions import issue_token
from teams.management.commands.signin_link import person
from teams.models import Role, Scope


class Command(BaseCommand):
    help = "Make an API token and print it; it is not shown again."
    requires_system_checks: list[str] = []  # as for a worker: they load all pages, and nothing here needs one

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="whose; the first owner's where it is left out")
        parser.add_argument("--team", metavar="SLUG", help="in which team; their first where it is left out")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.ADMIN)
        parser.add_argument("--name", default="command line")

    def handle(self, *args: Any, email: str | None, team: str | None, scope: str, name: str, **options: Any) -> str:
        user = person(email)
        memberships = user.memberships.select_related("team").order_by("team_id")
        membership = memberships.filter(team__slug=team).first() if team else memberships.first()
        if membership is None:
            raise CommandError(f"{user.email} is not in a team {team}." if team else f"{user.email} is in no team.")
        who = Principal(user, membership.team, Role(membership.role))
        try:
            _, secret = issue_token(who, name=name, scope=scope)
        except PermissionDenied as refusal:
            raise CommandError(str(refusal)) from refusal
        return secret
