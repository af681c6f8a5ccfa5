"""Removes the texts of a team's runs that ended long ago; their figures stay."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.retention.removal import remove_older
from teams.models import Team


class Command(BaseCommand):
    help = "Remove the texts of a team's runs that ended long ago. What they used, cost and took stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", metavar="SLUG", required=True)
        parser.add_argument("--days", type=int, required=True, help="runs that ended more than so many days ago")

    def handle(self, *args: Any, **options: Any) -> None:
        team = Team.objects.filter(slug=options["team"]).first()
        if team is None:
            raise CommandError(f"There is no team {options['team']!r}.")
        if options["days"] < 1:
            raise CommandError("Give at least one day.")
        removed = remove_older(team, days=options["days"])
        self.stdout.write(f"Texts are removed of {removed:,} {'run' if removed == 1 else 'runs'} of {team.slug}.")
