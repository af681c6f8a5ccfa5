"""A run and its tasks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast, Coalesce, Greatest, Now

from agents_app.models import Crew, CrewVersion
from engine.record.journal import TaskStatus
from runs.models.fields import Milliseconds, Rollup, choices_of, keeping_the_id, new_id, not_negative, one_of
from runs.states import BUDGETS, RUN_ENDED, RUN_LIVE, CallWait, Priority, RunState
from teams.models import ApiToken, AtLimit, KeptJSON, Team


def _once_ended(figure: Any) -> models.GeneratedField:
    """The figure of a run that has ended; -1 of one that has not."""
    return models.GeneratedField(
        expression=Case(When(state__in=RUN_ENDED, then=figure), default=Value(-1)),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )


class Run(Rollup):
    """One execution of one version with one set of inputs.

    Cancelling is a request, in ``cancel_requested_at``, and not a state: the worker that holds the run ends it.
    """

    TEAM_PATH = "team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without indexes of their own: longer ones below begin with them.
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="runs", db_index=False)
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="runs", db_index=False)
    version = models.ForeignKey(CrewVersion, on_delete=models.PROTECT, related_name="runs", db_index=False)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    waiting_for = models.CharField(max_length=40, blank=True)  # ``states.PERSON`` or one of ``states.BUDGETS``
    simulated = models.BooleanField(default=False)
    priority = models.CharField(max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    rank = models.GeneratedField(  # the priority as a number, lower first
        expression=Case(
            When(priority=Priority.HIGH, then=Value(0)), When(priority=Priority.LOW, then=Value(2)), default=Value(1)
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    # What it is a row of. Without an index of its own: one below begins with it.
    batch = models.ForeignKey("runs.Batch", null=True, on_delete=models.PROTECT, related_name="runs", db_index=False)
    batch_row = models.PositiveIntegerField(null=True)  # the row's position in it
    inputs = KeptJSON(default=dict)
    metadata = KeptJSON(default=dict)  # labels of whoever launched it, to find runs by

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=keeping_the_id, related_name="+")
    # Null: launched on a page.
    api_token = models.ForeignKey(ApiToken, null=True, on_delete=keeping_the_id, related_name="+")
    # Ids of an account and a token that were removed since: what the run cost stays theirs.
    former_created_by = models.BigIntegerField(null=True)
    former_api_token = models.BigIntegerField(null=True)
    idempotency_key = models.CharField(max_length=200, null=True)
    # Of the launch, so that a key is not used for another one.
    request_hash = models.CharField(max_length=64, blank=True)

    budget_nusd = models.BigIntegerField(null=True)  # null: no limit
    reserved_nusd = models.BigIntegerField(default=0)  # held for calls in flight
    at_limit = models.CharField(max_length=8, choices=AtLimit.choices, default=AtLimit.PAUSE)  # what to do at a budget
    needs_nusd = models.BigIntegerField(null=True)  # what the call that a budget did not cover may cost
    # Whoever launched it knows that calls without a price are not held back by its budgets.
    accepts_unpriced = models.BooleanField(default=False, db_default=False)
    max_calls = models.PositiveIntegerField(null=True)  # these bounds: null is none
    max_tokens = models.PositiveIntegerField(null=True)
    max_seconds = models.PositiveIntegerField(null=True)

    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)  # since when nobody works on a run that had begun
    paused_s = models.FloatField(default=0)  # how long earlier pauses took
    cancel_requested_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)  # when the workers were last asked to look for it; null: ask at once

    lease_owner = models.CharField(max_length=120, blank=True)  # the worker process that may write the run's state
    lease_epoch = models.IntegerField(default=0)  # grows with each claim: a write that names an older one is refused
    lease_until = models.DateTimeField(null=True)
    takeovers = models.IntegerField(default=0)  # claims of a run that was under way
    fruitless_takeovers = models.SmallIntegerField(default=0)  # those from lost workers, since a call last succeeded

    output_raw = models.TextField(blank=True)
    output_json = KeptJSON(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    texts_removed_at = models.DateTimeField(null=True)  # when its texts were removed because of their age
    revision = models.BigIntegerField(default=1)  # grows with every change that watchers see
    rating_sum = models.IntegerField(default=0, db_default=0)  # the stars of all its ratings
    rating_count = models.IntegerField(default=0, db_default=0)

    # What lists are sorted by: -1 until the run has ended. Indexes of figures that grow with every call would have to
    # be written with every call.
    ended_nusd = _once_ended(F("spent_nusd"))
    ended_tokens = _once_ended(F("prompt_tokens") + F("completion_tokens"))
    ended_calls = _once_ended(F("successful_requests"))
    ended_ms = _once_ended(Coalesce(Milliseconds(F("finished_at"), F("started_at")), Value(-1)))

    # From the launch to the first claim, or to the end of one that was never claimed.
    ended_queued_ms = _once_ended(
        Greatest(Milliseconds(Coalesce("started_at", "finished_at"), F("created_at")), Value(0))
    )
    # What it paid in vain, as far as its price is known: written with the rollups, because it is a sum over calls.
    ended_waste_nusd = models.BigIntegerField(default=-1, db_default=-1)

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
            models.Index(fields=["crew", "id"], name="run_of_crew"),
            models.Index(fields=["team", "simulated", "created_at"], name="run_launched"),
            models.Index(fields=["team", "-ended_nusd", "-id"], name="run_dearest"),
            models.Index(fields=["team", "-ended_ms", "-id"], name="run_longest"),
            models.Index(fields=["team", "-ended_tokens", "-id"], name="run_most_tokens"),
            models.Index(fields=["team", "-ended_calls", "-id"], name="run_most_calls"),
            models.Index(fields=["team", "-ended_queued_ms", "-id"], name="run_queued_longest"),
            models.Index(fields=["team", "-ended_waste_nusd", "-id"], name="run_most_waste"),
            models.Index(fields=["team", "state", "id"], name="run_in_state"),
            models.Index(fields=["team", "created_by", "id"], name="run_launched_by"),
            models.Index(fields=["team", "-id"], name="run_with_error", condition=~Q(error="")),
            models.Index(fields=["version", "simulated", "-id"], name="run_version_newest"),
            models.Index(fields=["version", "-id"], name="run_of_version"),
            models.Index(fields=["crew", "-ended_nusd", "-id"], name="run_of_crew_dearest"),
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
            models.Index(
                fields=["team", "finished_at"],
                name="run_with_texts",
                condition=Q(texts_removed_at=None, finished_at__isnull=False),
            ),
            models.Index(fields=["team", "-id"], name="run_rated", condition=Q(rating_count__gt=0)),
            models.Index(fields=["batch", "state"], name="run_of_batch", condition=Q(batch__isnull=False)),
            GinIndex(OpClass(Cast("metadata", models.JSONField()), name="jsonb_path_ops"), name="run_metadata"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def called(self) -> str:
        """By its crew and id: how the log names it."""
        return f"{self.crew}: {self.id}"

    @property
    def ended(self) -> bool:
        return self.state in RUN_ENDED

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds from claim to end; None while it has not ended or never started."""
        return None if self.ended_ms < 0 else self.ended_ms


class TaskRun(Rollup):
    """One task of one run."""

    TEAM_PATH = "run__team"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tasks")
    key = models.CharField(max_length=64)  # the task's key in the version's spec, which tells the rest
    position = models.PositiveIntegerField()  # in the spec
    name = models.CharField(max_length=200)
    agent = models.CharField(max_length=64, blank=True)  # its key in the spec
    agent_role = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=choices_of(TaskStatus), default=TaskStatus.PENDING.value)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    output_raw = models.TextField(blank=True)
    output_json = KeptJSON(null=True)
    output_note = models.TextField(blank=True, db_default="")  # values that were taken for others, which fit the schema
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    cache_key = models.CharField(max_length=64, blank=True)  # set where later runs may take the output over
    waits_for = models.CharField(max_length=10, choices=CallWait.choices, blank=True)  # what its next call waits for
    waits_until = models.DateTimeField(null=True)  # at most

    class Meta:
        ordering = ["run", "position"]
        indexes = [models.Index(fields=["cache_key", "-finished_at"], name="task_kept", condition=~Q(cache_key=""))]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="task_run_once_per_key"),
            one_of("task_run", "state", TaskStatus),
            models.CheckConstraint(
                condition=Q(waits_for="") | Q(waits_for__in=CallWait.values, state=TaskStatus.RUNNING),
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
