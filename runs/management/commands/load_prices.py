"""Brings the default price list up to date; prices that calls were booked at stay as they are."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from runs.ledger.prices import load_default_prices


class Command(BaseCommand):
    help = "Bring the default price list up to date."

    def handle(self, *args: Any, **options: Any) -> None:
        if added := load_default_prices():
            self.stdout.write(f"{added} prices added.")
