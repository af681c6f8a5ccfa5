"""A run and its tasks."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from agents_app.models import Crew, CrewVersion
from runs.models.fields import Rollup, new_id, not_negative, one_of
from runs.states import BUDGETS, RUN_ENDED, RUN_LIVE, CallWait, Priority, RunState, TaskState
from teams.models import ApiToken, AtLimit, Team


class Run(Rollup):
    """One execution of one version with one set of inputs.

    ``lease_*`` say which worker may write its state and until when; ``lease_epoch`` grows with each claim and fences
    older ones. Cancelling is a request column, not a state. ``waiting_for`` says what a ``waiting`` run waits for: a
    ``person``, or the budget that does not cover its next call, which may cost up to ``needs_nusd``. ``takeovers``
    counts claims of a run that was under way, ``fruitless_takeovers`` those of lost workers since a call last ended.
    ``paused_at`` is since when nobody works on a run that was under way, ``paused_s`` how long that was before.
    ``rank`` is the priority's place in line.
    """

    TEAM_PATH = "team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="runs")
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="runs")
    version = models.ForeignKey(CrewVersion, on_delete=models.PROTECT, related_name="runs")
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    waiting_for = models.CharField(max_length=40, blank=True)
    simulated = models.BooleanField(default=False)
    priority = models.CharField(max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    rank = models.GeneratedField(
        expression=Case(
            When(priority=Priority.HIGH, then=Value(0)), When(priority=Priority.LOW, then=Value(2)), default=Value(1)
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    inputs = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    api_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    idempotency_key = models.CharField(max_length=200, null=True)
    request_hash = models.CharField(max_length=64, blank=True)

    budget_nusd = models.BigIntegerField(null=True)
    reserved_nusd = models.BigIntegerField(default=0)
    at_limit = models.CharField(max_length=8, choices=AtLimit.choices, default=AtLimit.PAUSE)
    needs_nusd = models.BigIntegerField(null=True)
    max_calls = models.PositiveIntegerField(null=True)
    max_tokens = models.PositiveIntegerField(null=True)
    max_seconds = models.PositiveIntegerField(null=True)

    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_s = models.FloatField(default=0)
    cancel_requested_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)

    lease_owner = models.CharField(max_length=120, blank=True)
    lease_epoch = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    takeovers = models.IntegerField(default=0)
    fruitless_takeovers = models.SmallIntegerField(default=0)

    output_raw = models.TextField(blank=True)
    output_json = models.JSONField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    revision = models.BigIntegerField(default=1)

    class Meta:
        constraints = [
            one_of("run", "state", RunState),
            one_of("run", "priority", Priority),
            one_of("run", "at_limit", AtLimit),
            *not_negative("run", "spent_nusd", "reserved_nusd", "budget_nusd", "needs_nusd", "lease_epoch"),
            models.UniqueConstraint(fields=["team", "idempotency_key"], name="run_once_per_idempotency_key"),
            models.CheckConstraint(
                condition=~Q(state__in=RUN_ENDED) | Q(lease_until=None, lease_owner=""), name="run_ended_has_no_lease"
            ),
            models.CheckConstraint(
                condition=Q(state__in=RUN_ENDED, finished_at__isnull=False)
                | Q(state__in=RUN_LIVE, finished_at__isnull=True),
                name="run_finished_at_iff_ended",
            ),
            models.CheckConstraint(
                condition=Q(lease_until=None) | Q(state=RunState.RUNNING), name="run_lease_only_while_running"
            ),
            models.CheckConstraint(
                condition=Q(waiting_for="") | Q(state=RunState.WAITING), name="run_waits_only_while_waiting"
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="run_team_newest"),
            models.Index(fields=["crew", "-id"], name="run_crew_newest"),
            models.Index(fields=["team", "rank", "id"], name="run_in_line", condition=Q(state="queued")),
            models.Index(fields=["team"], name="run_in_progress", condition=Q(state="running")),
            models.Index(fields=["rung_at"], name="run_claimable", condition=Q(state__in=["queued", "running"])),
            models.Index(fields=["waiting_for"], name="run_waiting", condition=Q(state="waiting")),
            models.Index(fields=["team", "created_by", "created_at"], name="run_of_person"),
            models.Index(
                fields=["state", "team"], name="run_live", condition=Q(state__in=["queued", "running", "waiting"])
            ),
            models.Index(fields=["started_at"], name="run_started"),
            models.Index(
                fields=["team", "finished_at"], name="run_stopped_at_budget", condition=Q(error_code__in=BUDGETS)
            ),
            GinIndex(fields=["metadata"], name="run_metadata", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def ended(self) -> bool:
        return self.state in RUN_ENDED

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds from claim to end; None while it has not ended or never started."""
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)


class TaskRun(Rollup):
    """One task of one run. ``key`` is the task's key in the version's spec, which tells the rest.

    While it runs, ``waits_for`` says what its next call waits for, if it waits, and ``waits_until`` how long at most.
    """

    TEAM_PATH = "run__team"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tasks")
    key = models.CharField(max_length=64)
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    agent = models.CharField(max_length=64, blank=True)
    agent_role = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=TaskState.choices, default=TaskState.PENDING)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    output_raw = models.TextField(blank=True)
    output_json = models.JSONField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    cache_key = models.CharField(max_length=64, blank=True)
    waits_for = models.CharField(max_length=10, choices=CallWait.choices, blank=True)
    waits_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["run", "position"]
        indexes = [models.Index(fields=["cache_key", "-finished_at"], name="task_kept", condition=~Q(cache_key=""))]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="task_run_once_per_key"),
            one_of("task_run", "state", TaskState),
            models.CheckConstraint(
                condition=Q(waits_for="") | Q(waits_for__in=CallWait.values, state=TaskState.RUNNING),
                name="task_run_waits_only_while_running",
            ),
            *not_negative("task_run", "spent_nusd"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.key}"

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds it took; None while it has not ended or never started."""
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)
