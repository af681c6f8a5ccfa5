"""Sums and distributions over runs that have ended, which pages read in place of the runs themselves.

``runs.ledger.rollups`` writes them, in the transaction that ends a run or books a late figure. A run counts at the
moment of its launch, so that every figure of a period is the sum over the runs that were launched in it.
"""

from __future__ import annotations

from django.db import models

from agents_app.models import Crew, CrewVersion
from runs.models.fields import Rollup, one_of
from runs.states import CostClass, Measure, RunState
from teams.models import Team


class EndedRuns(models.Model):
    """What every row of figures is about: one version's runs of one hour or day, real or simulated."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(CrewVersion, on_delete=models.PROTECT, related_name="+")
    simulated = models.BooleanField()

    class Meta:
        abstract = True


class RunSum(EndedRuns, Rollup):
    """Sums over the runs that were launched in one hour and ended in one state."""

    hour = models.DateTimeField(help_text="in which they were launched")
    state = models.CharField(max_length=10, choices=RunState.choices)
    runs = models.IntegerField(default=0)
    took_ms = models.BigIntegerField(default=0)  # of those that a worker had begun
    rating_sum = models.BigIntegerField(default=0, db_default=0)  # the stars of all their ratings
    rating_count = models.IntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "hour", "crew", "version", "state"], name="run_sum_once"
            ),
            one_of("run_sum", "state", RunState),
        ]

    def __str__(self) -> str:
        return f"{self.runs} {self.state} runs of {self.hour:%Y-%m-%d %H}"


class CallSum(EndedRuns, Rollup):
    """Sums over the calls of the same runs, by model and by what their cost was for."""

    hour = models.DateTimeField(help_text="in which their runs were launched")
    state = models.CharField(max_length=10, choices=RunState.choices)  # of their runs
    model = models.CharField(max_length=200, blank=True)  # "": tools and tasks
    cost_class = models.CharField(max_length=10, choices=CostClass.choices)
    calls = models.IntegerField(default=0)
    saved_nusd = models.BigIntegerField(default=0)  # by caches, as far as it is known

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "hour", "crew", "version", "state", "model", "cost_class"],
                name="call_sum_once",
            ),
            one_of("call_sum", "state", RunState),
        ]

    def __str__(self) -> str:
        return f"{self.calls} {self.cost_class} calls of {self.hour:%Y-%m-%d %H}"


class RunBucket(EndedRuns):
    """How many of the runs that were launched on one day cost, or took, about so much."""

    day = models.DateField(help_text="on which they were launched, in UTC")
    measure = models.CharField(max_length=10, choices=Measure.choices)
    # Values from one power of ``rollups.GAMMA`` to the next; ``rollups.NOTHING`` is 0.
    bucket = models.SmallIntegerField()
    runs = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "measure", "day", "crew", "version", "bucket"], name="run_bucket_once"
            ),
            one_of("run_bucket", "measure", Measure),
        ]

    def __str__(self) -> str:
        return f"{self.runs} runs in {self.measure} bucket {self.bucket} of {self.day}"
