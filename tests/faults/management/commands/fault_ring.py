"""Rings for these runs in this order, as often as each is named."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser

from runs.worker.bell import ring_now


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("runs", nargs="+", type=UUID)

    def handle(self, *args: Any, runs: list[UUID], **options: Any) -> None:
        for run in runs:
            ring_now(run)
