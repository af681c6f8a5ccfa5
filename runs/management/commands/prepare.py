"""Prepares a database for this code: tables, the queue, prices and templates; under ``make up`` the first team too.

Safe to repeat.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from runs.worker.postgres_broker import install_queues
from teams.models import Team


class Command(BaseCommand):
    help = "Migrate, install the queue where PostgreSQL is the broker, and load prices and templates."

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=verbosity)
        if settings.CELERY_BROKER_URL.startswith("pgmq"):
            install_queues(settings.CELERY_BROKER_URL)
        if settings.LOCAL:
            call_command("bootstrap", verbosity=verbosity)
        elif not Team.objects.exists():
            self.stdout.write("There is no team yet. Make one: manage.py bootstrap --email you@example.com --team NAME")
        call_command("load_prices", verbosity=verbosity)
        call_command("load_templates", verbosity=verbosity)
