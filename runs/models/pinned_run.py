"""The run that a crew's other runs are held against."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from agents_app.models import Crew
from runs.models.run import Run


class PinnedRun(models.Model):
    """A crew's baseline: one among its real runs, and one among its simulated ones, since the two never mix."""

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="pinned_runs")
    simulated = models.BooleanField()  # the run's own
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="pinned")
    pinned_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    pinned_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["crew", "simulated"], name="pinned_run_once_per_crew_and_kind"),
        ]

    def __str__(self) -> str:
        return f"baseline of {self.crew_id}: {self.run_id}"
