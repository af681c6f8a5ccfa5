"""A schedule launches a crew, or a batch of a data set, at the times of a cron expression; and what became of each."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents_app.models import Crew, CrewVersion
from runs.models.batches.batch import Batch
from runs.models.batches.data_set import DataSet, DataSetVersion
from runs.models.fields import new_id, not_negative, one_of
from runs.models.run import Run
from runs.states import LAUNCHED_NOTHING, Overlap, Priority, ScheduleOff, TimeOutcome
from teams.models import ApiToken, AtLimit, KeptJSON, Team


class Schedule(models.Model):
    """On exactly while ``next_at`` says when it launches next; else ``off_for`` says why it is off.

    It launches in the name of its owner: whoever made it, or last changed what it launches or when.
    """

    TEAM_PATH = "team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="schedules", db_index=False)
    name = models.CharField(max_length=120)
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="schedules")
    # Null: the newest version at each launch.
    version = models.ForeignKey(CrewVersion, null=True, on_delete=models.PROTECT, related_name="+")
    # Null: one run of ``inputs``; else a batch of the set's rows.
    data_set = models.ForeignKey(DataSet, null=True, on_delete=models.PROTECT, related_name="schedules")
    # Null: the newest of the data set at each launch.
    data_set_version = models.ForeignKey(DataSetVersion, null=True, on_delete=models.PROTECT, related_name="+")
    inputs = KeptJSON(default=dict)
    # Of a data set: input to the column that fills it, "" for the crew's own value; others by their names.
    columns = KeptJSON(default=dict)

    cron = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64)
    next_at = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(null=True)  # the time whose launch waits until the one before has ended
    off_for = models.CharField(max_length=8, choices=ScheduleOff.choices, blank=True)
    overlap = models.CharField(max_length=5, choices=Overlap.choices, default=Overlap.SKIP)
    catch_up = models.BooleanField(default=False)  # launch once for times that were missed

    simulated = models.BooleanField(null=True)  # null: as a launch by API decides
    priority = models.CharField(max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    run_budget_nusd = models.BigIntegerField(null=True)  # of each run; null: the team's cap
    at_limit = models.CharField(max_length=8, choices=AtLimit.choices, blank=True)  # "": the team's way
    accepts_unpriced = models.BooleanField(default=False)
    max_calls = models.PositiveIntegerField(null=True)  # of each run; these bounds: null is the team's cap
    max_tokens = models.PositiveIntegerField(null=True)
    max_seconds = models.PositiveIntegerField(null=True)
    metadata = KeptJSON(default=dict)  # the labels of each run
    max_concurrency = models.PositiveIntegerField(null=True)  # this and the next two of batches; null: as usual
    stop_after_failures = models.PositiveIntegerField(null=True)
    budget_nusd = models.BigIntegerField(null=True)  # of each batch as a whole

    # Null: an account that was removed.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Null: set on a page.
    api_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    revision = models.BigIntegerField(default=1)  # grows with what people set, and with going off by itself
    forgotten = KeptJSON(default=dict)  # outcome to how many of its times are kept no more

    class Meta:
        constraints = [
            one_of("schedule", "overlap", Overlap),
            one_of("schedule", "priority", Priority),
            *not_negative("schedule", "budget_nusd", "run_budget_nusd"),
            models.CheckConstraint(
                condition=Q(off_for="", next_at__isnull=False)
                | Q(off_for__in=ScheduleOff.values, next_at=None, waiting_since=None),
                name="schedule_is_on_or_says_why_not",
            ),
            models.CheckConstraint(
                condition=Q(data_set_version=None) | Q(data_set__isnull=False), name="schedule_version_of_its_data_set"
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="schedule_team_newest"),
            models.Index(fields=["next_at"], name="schedule_due", condition=Q(off_for="")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_on(self) -> bool:
        return not self.off_for

    @property
    def set_name(self) -> str | None:
        """Its data set as the API and people name it: ``leads@3``, ``leads`` for the newest version; None without."""
        if self.data_set_version is not None:
            return str(self.data_set_version)
        return None if self.data_set is None else self.data_set.name


class ScheduleTime(models.Model):
    """What became of one of its times, or of a launch that somebody asked for besides."""

    TEAM_PATH = "schedule__team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="times", db_index=False)
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=TimeOutcome.choices)
    says = models.TextField(blank=True)  # why nothing was launched, or why late
    earlier = models.BooleanField(default=False)  # it stands for those before it too, which were too many to list
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # These two: null unless it was launched.
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="scheduled")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.CASCADE, related_name="scheduled")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            one_of("schedule_time", "outcome", TimeOutcome),
            models.UniqueConstraint(
                fields=["schedule", "due_at"],
                condition=~Q(outcome__in=[TimeOutcome.ASKED, TimeOutcome.OFF]),
                name="schedule_time_once",
            ),
        ]
        indexes = [
            models.Index(fields=["schedule", "-id"], name="schedule_times_newest"),
            models.Index(
                fields=["schedule", "-id"],
                name="schedule_launches_newest",
                condition=Q(outcome__in=[TimeOutcome.LAUNCHED, TimeOutcome.ASKED]),
            ),
            models.Index(
                fields=["schedule", "-id"], name="schedule_idle_newest", condition=Q(outcome__in=LAUNCHED_NOTHING)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule.name} at {self.due_at:%Y-%m-%d %H:%M}"
