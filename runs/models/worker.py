"""Which worker processes there are: what operators look at."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class WorkerSeen(models.Model):
    """One worker process as it last said of itself, by the database's clock. Who may write is not told here: leases do.

    ``capacity`` is how many runs it may hold at once, ``holding`` how many it held; ``stopping``: it claims no more.
    """

    name = models.CharField(max_length=120, unique=True)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    capacity = models.PositiveIntegerField(default=0)
    holding = models.PositiveIntegerField(default=0)
    stopping = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "workers seen"

    def __str__(self) -> str:
        return self.name
