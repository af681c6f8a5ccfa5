"""A batch: one crew over many inputs, each of which becomes a run when its turn comes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents_app.models import Crew, CrewVersion
from runs.models.fields import new_id, not_negative, one_of
from runs.states import BatchPause, BatchState, Priority
from teams.models import ApiToken, AtLimit, KeptJSON, Team


class Batch(models.Model):
    """What it costs and how far it is are sums over its runs, and kept nowhere.

    The terms of its runs are what its launch asked for; a lower cap that the team sets later holds for the rows that
    start from then on.
    """

    TEAM_PATH = "team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="batches", db_index=False)
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="batches")
    version = models.ForeignKey(CrewVersion, on_delete=models.PROTECT, related_name="batches")
    # Null: its rows were given at its launch, or the set that they are of was deleted.
    data_set_version = models.ForeignKey(
        "runs.DataSetVersion", null=True, on_delete=models.PROTECT, related_name="batches"
    )
    data_set_was = models.CharField(max_length=80, blank=True)  # what a deleted version was called: leads@3
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=BatchState.choices, default=BatchState.RUNNING)
    paused_for = models.CharField(max_length=10, choices=BatchPause.choices, blank=True)
    row_count = models.PositiveIntegerField()

    max_concurrency = models.PositiveIntegerField()  # runs of it that are live at once, at most
    stop_after_failures = models.PositiveIntegerField(null=True)  # pauses at so many failed runs; null: at none
    failures_before = models.PositiveIntegerField(default=0)  # failed runs that no longer count, as it was let go on
    budget_nusd = models.BigIntegerField(null=True)  # of all its runs together; null: no limit

    simulated = models.BooleanField()
    priority = models.CharField(max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    # Of each run; null: the team's, and where the whole has a budget, no more than a share of what is left of it.
    run_budget_nusd = models.BigIntegerField(null=True)
    at_limit = models.CharField(max_length=8, choices=AtLimit.choices, default=AtLimit.PAUSE)
    accepts_unpriced = models.BooleanField(default=False)
    max_calls = models.PositiveIntegerField(null=True)  # of each run; these bounds: null is none
    max_tokens = models.PositiveIntegerField(null=True)
    max_seconds = models.PositiveIntegerField(null=True)
    metadata = KeptJSON(default=dict)  # the labels of each run

    # Who launched it. Whose runs its rows become, each says itself. Null: an account that was removed.
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Null: launched on a page.
    api_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    idempotency_key = models.CharField(max_length=200, null=True)
    request_hash = models.CharField(max_length=64, blank=True)  # of the launch, so that a key is not used for another
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    texts_removed_at = models.DateTimeField(null=True)  # when inputs of rows that never started were, for their age
    revision = models.BigIntegerField(default=1)  # grows with every change of its state, its rows or its bounds

    class Meta:
        constraints = [
            one_of("batch", "state", BatchState),
            one_of("batch", "priority", Priority),
            one_of("batch", "at_limit", AtLimit),
            *not_negative("batch", "budget_nusd", "run_budget_nusd"),
            models.CheckConstraint(condition=Q(max_concurrency__gte=1), name="batch_runs_something_at_once"),
            models.CheckConstraint(
                condition=Q(paused_for="") & ~Q(state=BatchState.PAUSED)
                | Q(paused_for__in=BatchPause.values, state=BatchState.PAUSED),
                name="batch_says_why_it_is_paused",
            ),
            models.UniqueConstraint(fields=["team", "idempotency_key"], name="batch_once_per_idempotency_key"),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="batch_team_newest"),
            models.Index(fields=["id"], name="batch_running", condition=Q(state="running")),
        ]
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return self.name


class BatchRow(models.Model):
    """One set of inputs. ``run`` is the newest run of it; those before stay in the ledger, as runs of the batch."""

    TEAM_PATH = "batch__team"

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="rows", db_index=False)
    position = models.PositiveIntegerField()  # from 1
    inputs = KeptJSON(default=dict)  # without the crew's own, which are added when it starts
    run = models.OneToOneField("runs.Run", null=True, on_delete=models.PROTECT, related_name="row")  # null: waits
    # Whose run it becomes: who added it, ran it again or took it over; and the token that they did it with. Without
    # indexes, since they are looked for from nowhere else. Null: an account that was removed; by no token, on a page.
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    api_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)

    is_stranded = False  # no column: whether it waits for somebody who may launch no more, as a reader marked it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="batch_row_once_per_position")]
        indexes = [models.Index(fields=["batch", "position"], name="batch_row_waiting", condition=Q(run=None))]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.position}"
