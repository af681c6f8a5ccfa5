"""How fast a provider key may be asked for a model."""

from __future__ import annotations

from django.db import models

from teams.models import Team


class Lane(models.Model):
    """How fast a provider key takes requests for a model; ``window`` bounds those in flight, null is no bound.

    A row begins with a key's own limits, or with the first refusal for being asked too often.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    credential = models.CharField(max_length=120)
    model = models.CharField(max_length=200)
    window = models.FloatField(null=True)
    shrunk_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "credential", "model"], name="lane_once_per_key_and_model")
        ]

    def __str__(self) -> str:
        return f"{self.credential} {self.model}"
