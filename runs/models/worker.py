"""Which worker processes there are, for operators to see."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class WorkerSeen(models.Model):
    """One worker process as it last reported itself. Leases, not this, say which worker may write a run."""

    name = models.CharField(max_length=120, unique=True)  # host and process id
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    capacity = models.PositiveIntegerField(default=0)  # how many runs it may hold at once
    holding = models.PositiveIntegerField(default=0)  # how many it held
    stopping = models.BooleanField(default=False)  # it claims no more
    still_s = models.FloatField(db_default=0)  # for how long its event loop had not moved

    class Meta:
        verbose_name_plural = "workers seen"

    def __str__(self) -> str:
        return self.name
