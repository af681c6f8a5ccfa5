"""Makes somebody an operator: they see how the installation runs for all teams, and nothing of what teams make."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from teams.actions import set_operator
from teams.management.commands.signin_link import person


class Command(BaseCommand):
    help = "Make a person an operator, or no longer one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="whose; the first owner's where it is left out")
        parser.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, email: str | None, remove: bool, **options: Any) -> str:
        user = person(email)
        set_operator(user, is_operator=not remove)
        return f"{user.email} is {'no longer ' if remove else ''}an operator of this installation."
