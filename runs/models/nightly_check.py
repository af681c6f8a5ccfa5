"""The daily checks of the ledger's invariants and what they found."""

from __future__ import annotations

from django.db import models


class InvariantCheck(models.Model):
    """One check of all invariants. A day has one: a later check of the same day takes its place."""

    day = models.DateField(primary_key=True, help_text="in UTC")
    checked_at = models.DateTimeField()
    took_ms = models.IntegerField(null=True)  # null: a worker is at it
    violations = models.JSONField(default=list)  # name, meaning, count and rows of each broken invariant

    def __str__(self) -> str:
        return f"{self.day}: {len(self.violations)} violated"
