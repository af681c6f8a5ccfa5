"""Makes the first owner and team. Safe to run at every start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from teams.actions import LOCAL_OWNER_EMAIL, begin_team, set_operator
from teams.models import Team, User


class Command(BaseCommand):
    help = "Make the first owner and team where there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default=LOCAL_OWNER_EMAIL)
        parser.add_argument("--team", default="My team", help="the first team's name")

    def handle(self, *args: Any, email: str, team: str, **options: Any) -> None:
        if not Team.objects.exists():
            begin_team(email=email, name=team)
        # Under 'make up' whoever sits at the keyboard operates it; on a team server 'manage.py operator' says who does.
        if settings.LOCAL and (owner := User.objects.filter(email=LOCAL_OWNER_EMAIL, is_staff=False).first()):
            set_operator(owner, is_operator=True)
