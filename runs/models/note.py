"""What agents noted for later runs."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models.functions import Now

from agents_app.models import Crew


class Note(models.Model):
    """One note of one agent of a crew. Notes of simulated runs are kept apart: what a simulation notes is made up.

    ``folded`` is ``knowledge.search.fold`` of the text, ``digest`` its SHA-256, by which the same text is kept once.
    """

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="+")
    agent = models.CharField(max_length=64)
    simulated = models.BooleanField(default=False)
    text = models.TextField()
    folded = models.TextField()
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    search = models.GeneratedField(
        expression=SearchVector("folded", config="simple", weight="A")
        + SearchVector("folded", config="english", weight="B"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["crew", "agent", "simulated", "digest"], name="note_once_per_agent")
        ]
        indexes = [GinIndex(fields=["search"], name="note_search")]

    def __str__(self) -> str:
        return f"{self.agent}: {self.text[:60]}"
