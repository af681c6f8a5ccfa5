"""What happened and what it cost: runs, their tasks, every call as a ledger line, dated prices and monthly bills.

Money is in whole 1e-9 USD (``_nusd``), tokens and calls are counts. Rollups on runs, tasks and bills are sums of the
calls and of nothing else; ``recorder`` keeps them in the same transaction as the call. Times come from the database.
"""

from __future__ import annotations

from uuid import UUID

import fastuuid
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Now

from agents_app.models import Crew, CrewVersion
from runs.states import RUN_ENDED, RUN_LIVE, CallState, CostClass, Priority, RunState, TaskState
from teams.models import ApiToken, Team


def new_id() -> UUID:
    """A version 7 UUID: unique without asking the database, and ordered by time, so lists page by it."""
    return UUID(str(fastuuid.uuid7()))


class ClockTimestamp(Func):
    """The database's clock now, not at the start of the transaction."""

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = models.DateTimeField()


def _not_negative(model: str, *fields: str) -> list[models.BaseConstraint]:
    return [
        models.CheckConstraint(condition=Q(**{f"{field}__gte": 0}), name=f"{model}_{field}_not_negative")
        for field in fields
    ]


def _one_of(model: str, field: str, choices: type[models.TextChoices]) -> models.BaseConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": choices.values}), name=f"{model}_{field}_known")


class Rollup(models.Model):
    """Sums over calls. ``prompt_tokens`` includes cached and cache-write ones, ``completion_tokens`` reasoning ones.

    ``unpriced_calls``: calls whose price nobody knows, so that their cost is not in ``spent_nusd``.
    ``estimated_calls``: calls whose provider reported no usage, so that we counted.
    """

    prompt_tokens = models.BigIntegerField(default=0)
    cached_prompt_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    successful_requests = models.IntegerField(default=0)
    spent_nusd = models.BigIntegerField(default=0)
    unpriced_calls = models.IntegerField(default=0)
    estimated_calls = models.IntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Run(Rollup):
    """One execution of one version with one set of inputs.

    ``lease_*`` say which worker may write its state and until when; ``lease_epoch`` grows with each claim and fences
    older ones. Cancelling is a request column, not a state. ``waiting_for`` says what a ``waiting`` run waits for.
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
    inputs = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    api_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    idempotency_key = models.CharField(max_length=200, null=True)
    request_hash = models.CharField(max_length=64, blank=True)

    budget_nusd = models.BigIntegerField(null=True)
    reserved_nusd = models.BigIntegerField(default=0)

    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)

    lease_owner = models.CharField(max_length=120, blank=True)
    lease_epoch = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    fruitless_takeovers = models.SmallIntegerField(default=0)

    output_raw = models.TextField(blank=True)
    output_json = models.JSONField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    revision = models.BigIntegerField(default=1)

    class Meta:
        constraints = [
            _one_of("run", "state", RunState),
            _one_of("run", "priority", Priority),
            *_not_negative("run", "spent_nusd", "reserved_nusd", "budget_nusd", "lease_epoch"),
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
            models.Index(fields=["rung_at"], name="run_claimable", condition=Q(state__in=["queued", "running"])),
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
    """One task of one run. ``key`` is the task's key in the version's spec, which tells the rest."""

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

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="task_run_once_per_key"),
            _one_of("task_run", "state", TaskState),
            *_not_negative("task_run", "spent_nusd"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.key}"

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds it took; None while it has not ended or never started."""
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)


class Call(models.Model):
    """One model request or tool call: the ledger line.

    ``task_run`` is null for calls of the crew as a whole. ``step`` numbers a task's calls in the engine's order and
    ``attempt`` the tries of one step. ``cost_nusd`` is null while open and where the price is unknown; the prices it
    was
    priced with are kept here, so that a later price never touches it.
    """

    TEAM_PATH = "team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="calls")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="calls")
    task_run = models.ForeignKey(TaskRun, null=True, on_delete=models.PROTECT, related_name="calls")
    agent = models.CharField(max_length=64, blank=True)
    step = models.IntegerField()
    attempt = models.IntegerField(default=1)
    epoch = models.IntegerField()
    kind = models.CharField(max_length=5)
    purpose = models.CharField(max_length=10)
    cost_class = models.CharField(max_length=10, choices=CostClass.choices, default=CostClass.WORK)
    state = models.CharField(max_length=8, choices=CallState.choices, default=CallState.INTENT)
    simulated = models.BooleanField(default=False)

    model = models.CharField(max_length=200, blank=True)
    model_answered = models.CharField(max_length=200, blank=True)
    params = models.JSONField(default=dict)
    messages = models.JSONField(default=list)
    reply = models.JSONField(null=True)
    tool = models.CharField(max_length=64, blank=True)
    arguments = models.TextField(blank=True)
    effect = models.CharField(max_length=10, blank=True)
    tool_output = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    provider_request_id = models.CharField(max_length=200, blank=True)

    prompt_tokens = models.BigIntegerField(default=0)
    cached_prompt_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    usage_estimated = models.BooleanField(default=False)
    input_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    output_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    cached_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    cache_write_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    reserved_nusd = models.BigIntegerField(default=0)
    cost_nusd = models.BigIntegerField(null=True)
    billed_month = models.DateField(help_text="first day of the month in which it was opened, in UTC")

    cache_hit = models.BooleanField(default=False)
    cache_age_s = models.FloatField(null=True)
    saved_nusd = models.BigIntegerField(null=True)

    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    ttft_ms = models.IntegerField(null=True)
    latency_ms = models.IntegerField(null=True)

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            _one_of("call", "state", CallState),
            _one_of("call", "cost_class", CostClass),
            models.CheckConstraint(condition=Q(kind__in=["model", "tool"]), name="call_kind_known"),
            models.CheckConstraint(condition=Q(epoch__gte=1, attempt__gte=1), name="call_epoch_and_attempt_from_one"),
            *_not_negative(
                "call",
                "cost_nusd",
                "reserved_nusd",
                "prompt_tokens",
                "cached_prompt_tokens",
                "cache_write_tokens",
                "completion_tokens",
                "reasoning_tokens",
            ),
            models.UniqueConstraint(
                fields=["run", "task_run", "step"],
                condition=Q(state=CallState.OK),
                nulls_distinct=False,
                name="call_one_ok_per_step",
            ),
            models.CheckConstraint(
                condition=Q(state=CallState.INTENT, finished_at__isnull=True, cost_nusd__isnull=True)
                | (~Q(state=CallState.INTENT) & Q(finished_at__isnull=False)),
                name="call_finished_at_iff_settled",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "started_at"], name="call_of_run"),
            models.Index(fields=["team", "billed_month"], name="call_of_month"),
            models.Index(fields=["run"], name="call_open", condition=Q(state="intent")),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class PriceQuote(models.Model):
    """A dated price of one model, in USD per million tokens. Without a team it is the default list's.

    The price in force is the team's newest that has begun, else the default list's newest.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="price_quotes")
    model = models.CharField(max_length=200)
    begins_at = models.DateTimeField(db_default=Now())
    input_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    output_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    cached_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    cache_write_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    source = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = "price"
        constraints = [
            models.UniqueConstraint(
                fields=["team", "model", "begins_at"], nulls_distinct=False, name="price_once_per_moment"
            ),
            *_not_negative(
                "price",
                "input_usd_per_mtok",
                "output_usd_per_mtok",
                "cached_usd_per_mtok",
                "cache_write_usd_per_mtok",
            ),
        ]
        indexes = [models.Index(fields=["model", "-begins_at"], name="price_newest")]

    def __str__(self) -> str:
        return f"{self.model} from {self.begins_at:%Y-%m-%d}"


class Bill(models.Model):
    """What a team spent in one month on real models: open while it runs, a frozen copy once closed.

    ``reserved_nusd`` is held for calls in flight; ``budget_nusd`` is the team's for that month, null for none.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="bills")
    month = models.DateField(help_text="first day of the month, in UTC")
    budget_nusd = models.BigIntegerField(null=True)
    spent_nusd = models.BigIntegerField(default=0)
    reserved_nusd = models.BigIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "month"], name="bill_once_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="bill_month_is_first_day"),
            *_not_negative("bill", "spent_nusd", "reserved_nusd", "budget_nusd"),
        ]

    def __str__(self) -> str:
        return f"{self.team} {self.month:%Y-%m}"
