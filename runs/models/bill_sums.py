"""Sums over calls by what a bill is asked about, which bills read in place of the calls of runs that have ended.

``runs.ledger.rollups`` writes them with the other rollups. A call counts in the month and on the day in which it was
opened, as its bill does; the other rollups count a run at its launch.
"""

from __future__ import annotations

from django.db import models

from agents_app.models import Crew, CrewVersion
from runs.models.call import CALL_PARTS
from runs.models.fields import Rollup
from runs.states import CostClass
from teams.models import KeptJSON, Team


class LaunchLabels(models.Model):
    """A set of labels that runs were launched with, under its digest: what bills are split by, as ``customer``."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    digest = models.CharField(max_length=32)  # ``rollups.LABELS``
    labels = KeptJSON()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "digest"], name="launch_labels_once")]

    def __str__(self) -> str:
        return self.digest


class BillSum(Rollup):
    """Sums over the settled calls of one day that agree in all that a bill is asked about."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    simulated = models.BooleanField()
    month = models.DateField(help_text="their ``billed_month``")
    day = models.DateField(help_text="on which they were opened, in UTC")
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(CrewVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Ids, and 0 for nobody and none: an account or a token may go, and what it cost stays.
    person = models.BigIntegerField()
    api_token = models.BigIntegerField()
    labels = models.CharField(max_length=32, blank=True)  # ``LaunchLabels.digest``; "": launched without
    agent = models.CharField(max_length=64, blank=True)  # its key; "": calls of no agent
    model = models.CharField(max_length=200, blank=True)
    credential = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=5)
    cost_class = models.CharField(max_length=10, choices=CostClass.choices)
    calls = models.IntegerField(default=0)
    saved_nusd = models.BigIntegerField(default=0)  # by caches of results, as far as it is known
    # By reading a prompt from the provider's cache: what these tokens would have cost as others.
    cache_saved_nusd = models.BigIntegerField(default=0)
    prompt_nusd = models.BigIntegerField(default=0)
    cached_nusd = models.BigIntegerField(default=0)
    cache_write_nusd = models.BigIntegerField(default=0)
    completion_nusd = models.BigIntegerField(default=0)
    reasoning_nusd = models.BigIntegerField(default=0)
    citations_nusd = models.BigIntegerField(default=0)
    searches_nusd = models.BigIntegerField(default=0)
    request_nusd = models.BigIntegerField(default=0)
    seconds_nusd = models.BigIntegerField(default=0, db_default=0)
    beyond_ours_nusd = models.BigIntegerField(default=0)
    whole_nusd = models.BigIntegerField(default=0)  # of calls whose cost is kept without its parts

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("team", "simulated", "month", "day", "crew", "version", "person", "api_token", "labels"),
                    *("agent", "model", "credential", "kind", "cost_class"),
                ],
                name="bill_sum_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calls} {self.cost_class} calls of {self.day}"


PARTS = tuple(f"{part}_nusd" for part in CALL_PARTS)
"""The columns that, with ``whole_nusd``, sum to ``spent_nusd``."""
