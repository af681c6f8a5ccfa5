"""What requests leave behind: counts of tries, and answers that are given again."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from teams.models.kept_json import KeptJSON
from teams.models.people import Team


class TryCount(models.Model):
    """How often a secret was guessed wrongly in one window of time: by ``teams.guessing.tries``."""

    key = models.CharField(max_length=64, primary_key=True)  # a keyed hash of who tried what from where
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at}"


class IdempotentAnswer(models.Model):
    """The answer that an API request got under its ``Idempotency-Key``. A repeated request gets it again.

    It is committed together with what the request did.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)  # of path and body: another request may not use the key
    answer = KeptJSON()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "key"], name="idempotent_answer_once_per_key")]

    def __str__(self) -> str:
        return self.key
