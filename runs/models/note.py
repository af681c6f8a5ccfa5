"""What agents noted for later runs."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models.functions import Now

from agents_app.models import Crew


class Note(models.Model):
    """One note of one agent of a crew."""

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="+")
    agent = models.CharField(max_length=64)  # its key in the spec
    simulated = models.BooleanField(default=False)  # from a simulated run, so made up, and kept apart
    text = models.TextField()
    folded = models.TextField()  # the text as ``knowledge.search.fold`` prepares it
    digest = models.CharField(max_length=64)  # the text's SHA-256: the same text is kept once
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
