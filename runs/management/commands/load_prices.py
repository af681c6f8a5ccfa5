"""Brings the default price list up to date; prices that calls were booked at stay as they are."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from engine.text import counted
from runs.prices.updates import load_default_prices


class Command(BaseCommand):
    help = "Bring the default price list up to date with the installed LiteLLM's."

    def handle(self, *args: Any, **options: Any) -> None:
        added, doubts = load_default_prices()
        if added:
            self.stdout.write(f"{added} prices added.")
        if doubts:
            self.stdout.write(
                f"Left out of the price list: {counted(len(doubts), 'figure')} that may be in another unit "
                "(manage.py update_prices --from-litellm --dry-run names them)."
            )
