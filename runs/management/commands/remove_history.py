"""Removes a team that ``make_history`` made, with everything in it. Other teams are refused."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from engine.text import counted
from runs.demo.actions import remove_history
from teams.models import Team
from teams.refusals import Refusal


class Command(BaseCommand):
    help = "Remove a made-up team with its people, crews and runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", metavar="SLUG", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        team = Team.objects.filter(slug=options["team"]).first()
        if team is None:
            raise CommandError(f"There is no team {options['team']!r}.")
        removed = 0

        def count(runs: int) -> None:
            nonlocal removed
            removed += runs

        try:
            remove_history(team, progress=count)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(
            f"{team.slug} and its {counted(removed, 'run')} were removed in {time.monotonic() - began:.1f} s."
        )
