"""How fast a provider key may be asked for a model."""

from __future__ import annotations

from django.db import models

from teams.models import Team


class Lane(models.Model):
    """How fast a provider key takes requests for a model. ``runs.bounds.lanes`` moves the window and the pause.

    A row begins with a key's own limits, or when the provider first refuses because it was asked too often.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    credential = models.CharField(max_length=120)  # the provider key, as a call has it
    model = models.CharField(max_length=200)
    window = models.FloatField(null=True)  # the most requests in flight; null: no bound
    shrunk_at = models.DateTimeField(null=True)  # when the window was last halved
    paused_until = models.DateTimeField(null=True)  # no request is sent before

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "credential", "model"], name="lane_once_per_key_and_model")
        ]

    def __str__(self) -> str:
        return f"{self.credential} {self.model}"
