"""Rings so many times; with ``--task`` by a message that asks for another Celery task than the bell's."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandParser

from runs.worker.bell import WORK


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("times", type=int)
        parser.add_argument("--task", default=WORK)

    def handle(self, *args: Any, times: int, task: str, **options: Any) -> None:
        """A broker that takes no message is an error: nothing would be tested."""
        arguments = () if task == WORK else ("00000000-0000-7000-8000-000000000000",)
        for _ in range(times):
            current_app.send_task(task, args=arguments)
