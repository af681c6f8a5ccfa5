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


class OfLongStretch(EndedRuns):
    """The same of a longer stretch, of which there are few rows: their one index is that of the constraint."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(CrewVersion, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        abstract = True


class FiguresOfRuns(Rollup):
    """Sums over runs that ended in one state."""

    state = models.CharField(max_length=10, choices=RunState.choices)
    runs = models.IntegerField(default=0)
    took_ms = models.BigIntegerField(default=0)  # of those that a worker had begun
    timed = models.IntegerField(default=0)  # those that a worker had begun
    queue_ms = models.BigIntegerField(default=0)  # theirs from launch to claim
    paused_ms = models.BigIntegerField(default=0)  # theirs, while nobody worked on them
    unpriced_runs = models.IntegerField(default=0)  # with a call whose price is unknown
    rating_sum = models.BigIntegerField(default=0, db_default=0)  # the stars of all their ratings
    rating_count = models.IntegerField(default=0, db_default=0)
    rated_runs = models.IntegerField(default=0, db_default=0)

    class Meta:
        abstract = True


class RunSum(EndedRuns, FiguresOfRuns):
    """Sums over the runs that were launched in one hour and ended in one state."""

    hour = models.DateTimeField(help_text="in which they were launched")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "hour", "crew", "version", "state"], name="run_sum_once"
            ),
            one_of("run_sum", "state", RunState),
        ]

    def __str__(self) -> str:
        return f"{self.runs} {self.state} runs of {self.hour:%Y-%m-%d %H}"


class RunDay(OfLongStretch, FiguresOfRuns):
    """The same sums over the runs that were launched on one day: what is read of the days that a period has whole."""

    day = models.DateField(help_text="on which they were launched, in UTC")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "day", "crew", "version", "state"], name="run_day_once"
            ),
            one_of("run_day", "state", RunState),
        ]
        indexes = [models.Index(fields=["version"], name="run_day_of_version")]

    def __str__(self) -> str:
        return f"{self.runs} {self.state} runs of {self.day}"


class FiguresOfCalls(Rollup):
    """Sums over the calls of runs that ended in one state, by model and by what their cost was for."""

    state = models.CharField(max_length=10, choices=RunState.choices)  # of their runs
    model = models.CharField(max_length=200, blank=True)  # "": tools and tasks
    cost_class = models.CharField(max_length=10, choices=CostClass.choices)
    calls = models.IntegerField(default=0)
    saved_nusd = models.BigIntegerField(default=0)  # by caches, as far as it is known

    class Meta:
        abstract = True


class CallSum(EndedRuns, FiguresOfCalls):
    """Sums over the calls of the runs that were launched in one hour."""

    hour = models.DateTimeField(help_text="in which their runs were launched")

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


class CallDay(OfLongStretch, FiguresOfCalls):
    """The same sums over the calls of the runs that were launched on one day."""

    day = models.DateField(help_text="on which their runs were launched, in UTC")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "day", "crew", "version", "state", "model", "cost_class"],
                name="call_day_once",
            ),
            one_of("call_day", "state", RunState),
        ]

    def __str__(self) -> str:
        return f"{self.calls} {self.cost_class} calls of {self.day}"


class TaskCallSum(EndedRuns):
    """Sums over the settled calls of one task, of the runs that were launched on one day.

    ``spend_...`` are tokens times the price that was applied to them, in USD per million, exactly.
    """

    day = models.DateField(help_text="on which their runs were launched, in UTC")
    task = models.CharField(max_length=64, blank=True)  # its key; "": calls of the crew as a whole
    model = models.CharField(max_length=200, blank=True)
    cost_class = models.CharField(max_length=10, choices=CostClass.choices)
    kind = models.CharField(max_length=5)
    priced = models.BooleanField()
    calls = models.IntegerField(default=0)
    requests = models.IntegerField(default=0)  # model requests that were answered
    cost_nusd = models.BigIntegerField(default=0)
    fees_nusd = models.BigIntegerField(default=0, db_default=0)  # of that what no price of tokens explains
    latency_ms = models.BigIntegerField(default=0)
    waited_ms = models.BigIntegerField(default=0)
    nested_ms = models.BigIntegerField(default=0)  # of co-workers' calls, with their waits
    tokens_prompt = models.BigIntegerField(default=0)  # neither read from a cache nor written to one
    tokens_cached = models.BigIntegerField(default=0)
    tokens_cache_write = models.BigIntegerField(default=0)
    tokens_completion = models.BigIntegerField(default=0)
    spend_prompt = models.DecimalField(max_digits=60, decimal_places=10, default=0)
    spend_cached = models.DecimalField(max_digits=60, decimal_places=10, default=0)
    spend_cache_write = models.DecimalField(max_digits=60, decimal_places=10, default=0)
    spend_completion = models.DecimalField(max_digits=60, decimal_places=10, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("version", "simulated", "day", "team", "crew"),
                    *("task", "model", "cost_class", "kind", "priced"),
                ],
                name="task_call_sum_once",
            ),
        ]
        indexes = [models.Index(fields=["team", "simulated", "day"], name="task_call_sum_of_days")]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.task or 'the crew'} on {self.day}"


class TaskTime(EndedRuns):
    """How often one task was begun, and how long it took, in the runs that were launched on one day."""

    day = models.DateField(help_text="on which their runs were launched, in UTC")
    task = models.CharField(max_length=64)  # its key
    begun = models.IntegerField(default=0)
    took_ms = models.BigIntegerField(default=0)  # of those that ended
    person_ms = models.BigIntegerField(default=0)  # while it waited for people

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "simulated", "day", "team", "crew", "task"], name="task_time_once"
            )
        ]
        indexes = [models.Index(fields=["team", "simulated", "day"], name="task_time_of_days")]

    def __str__(self) -> str:
        return f"{self.task} on {self.day}"


class Bucket(models.Model):
    """How many runs cost, or took, about so much."""

    measure = models.CharField(max_length=10, choices=Measure.choices)
    # Values from one power of ``rollups.GAMMA`` to the next; ``rollups.NOTHING`` is 0.
    bucket = models.SmallIntegerField()
    runs = models.IntegerField(default=0)

    class Meta:
        abstract = True


class RunBucket(EndedRuns, Bucket):
    """How many of the runs that were launched on one day cost, or took, about so much."""

    day = models.DateField(help_text="on which they were launched, in UTC")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "measure", "day", "crew", "version", "bucket"], name="run_bucket_once"
            ),
            one_of("run_bucket", "measure", Measure),
        ]

    def __str__(self) -> str:
        return f"{self.runs} runs in {self.measure} bucket {self.bucket} of {self.day}"


class WeekBucket(OfLongStretch, Bucket):
    """The same of the runs that were launched in one week: a day's runs have nearly as many buckets as a week's."""

    week = models.DateField(help_text="its Monday, in UTC")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "week", "measure", "crew", "version", "bucket"], name="week_bucket_once"
            ),
            one_of("week_bucket", "measure", Measure),
        ]

    def __str__(self) -> str:
        return f"{self.runs} runs in {self.measure} bucket {self.bucket} of the week of {self.week}"
