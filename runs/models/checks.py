"""Checks of the books: of the invariants every day, and against what providers say that they bill."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from teams.models import KeptJSON, Team


class InvariantCheck(models.Model):
    """One check of all invariants. A day has one: a later check of the same day takes its place."""

    day = models.DateField(primary_key=True, help_text="in UTC")
    checked_at = models.DateTimeField()
    took_ms = models.IntegerField(null=True)  # null: a worker is at it
    violations = models.JSONField(default=list)  # name, meaning, count and rows of each broken invariant

    def __str__(self) -> str:
        return f"{self.day}: {len(self.violations)} violated"


class Reconciliation(models.Model):
    """A comparison of a provider's export with the ledger as both were when it was made. It never changes.

    The file is not kept: ``theirs`` has its sums by day, model and key (``reading.cells_of_days.Theirs``), ``ours``
    those of our calls (``matching.ours.Ours``).
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="reconciliations")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    name = models.CharField(max_length=200)  # of the file, or the files
    provider = models.CharField(max_length=40)
    since = models.DateField()
    until = models.DateField(help_text="the last day, in UTC")
    # What the list of them shows; null: the export tells no cost.
    theirs_nusd = models.BigIntegerField(null=True)
    ours_nusd = models.BigIntegerField()
    theirs = KeptJSON()
    ours = KeptJSON()
    notes = KeptJSON(default=list)  # what was guessed and not understood when the files were read

    class Meta:
        verbose_name = "check against a provider"
        ordering = ["-made_at", "-pk"]
        indexes = [models.Index(fields=["team", "-made_at", "-id"], name="reconciliation_newest")]

    def __str__(self) -> str:
        return f"{self.provider} {self.since}..{self.until}"


class TheirKey(models.Model):
    """To which of a team's keys one belongs that a provider's exports name by its own id or name."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    # As calls name it, "openai/default"; "-": it is none of the team's here.
    credential = models.CharField(max_length=120)
    said_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "provider", "name"], name="their_key_once_per_name")]

    def __str__(self) -> str:
        return f"{self.name} is {self.credential}"


class ExportColumns(models.Model):
    """What a person said about the columns of a CSV, for the next one with the same head."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)  # of the head
    choice = KeptJSON()
    said_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "digest"], name="export_columns_once_per_head")]

    def __str__(self) -> str:
        return self.digest
