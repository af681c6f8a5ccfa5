"""How the ledger was found when it was last looked through."""

from __future__ import annotations

from django.db import models


class InvariantCheck(models.Model):
    """One look at all invariants; a day has one, and a later one of the same day takes its place.

    ``took_ms`` is null while a worker is at it. ``violations`` has an entry (name, meaning, count, rows) for each
    invariant that did not hold.
    """

    day = models.DateField(primary_key=True, help_text="in UTC")
    checked_at = models.DateTimeField()
    took_ms = models.IntegerField(null=True)
    violations = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.day}: {len(self.violations)} violated"
