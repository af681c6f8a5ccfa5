"""Brings every team's built-in templates up to date."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from agents_app.gallery.actions import load_builtin
from engine.text import counted
from teams.models import Team


class Command(BaseCommand):
    help = "Bring every team's built-in templates up to date."

    def handle(self, *args: Any, **options: Any) -> None:
        added = sum(load_builtin(team) for team in Team.objects.order_by("pk"))
        if added:
            self.stdout.write(f"{counted(added, 'template version')} added.")
