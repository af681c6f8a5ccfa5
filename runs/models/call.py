"""The ledger line: one model request or tool call, what it used and what it cost."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from runs.models.fields import new_id, not_negative, one_of
from runs.models.price import PriceQuote
from runs.models.run import Run, TaskRun
from runs.states import WASTED, CallState, CostClass
from teams.models import KeptJSON, Team

CALL_PARTS = (
    *("prompt", "cached", "cache_write", "completion", "reasoning"),
    *("citations", "searches", "request", "seconds", "beyond_ours"),
)
"""What a call's cost is made of, as its columns are named before ``_nusd``."""


class Call(models.Model):
    """One model request or tool call: the ledger line.

    The prices it was priced with are kept here, so that a later price never touches it. While the call is open, or its
    outcome unknown, they are those that its reservation reckons with.
    """

    TEAM_PATH = "team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="calls")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="calls")
    # Null: of the crew as a whole.
    task_run = models.ForeignKey(TaskRun, null=True, on_delete=models.PROTECT, related_name="calls")
    agent = models.CharField(max_length=64, blank=True)  # its key in the spec
    # The steps of a co-worker within a tool call; "": the task's own.
    branch = models.CharField(max_length=40, blank=True)
    step = models.IntegerField()  # numbers the calls of a branch in the engine's order
    attempt = models.IntegerField(default=1)  # numbers the tries of one step
    epoch = models.IntegerField()  # the run's ``lease_epoch`` when it was opened
    kind = models.CharField(max_length=5)  # ``engine.record.journal.CallKind``
    purpose = models.CharField(max_length=10)  # ``engine.record.journal.Purpose``
    cost_class = models.CharField(max_length=10, choices=CostClass.choices, default=CostClass.WORK)
    # Whose check refused its answer: ``engine.record.journal.RefusedBy``; "": nobody's.
    refused_by = models.CharField(max_length=9, blank=True, default="", db_default="")
    state = models.CharField(max_length=8, choices=CallState.choices, default=CallState.INTENT)
    simulated = models.BooleanField(default=False)

    model = models.CharField(max_length=200, blank=True)
    credential = models.CharField(max_length=120, blank=True)  # the provider key that was used
    model_answered = models.CharField(max_length=200, blank=True)  # what the provider says answered
    params = KeptJSON(default=dict)
    messages = KeptJSON(default=list)
    reply = KeptJSON(null=True)
    tool = models.CharField(max_length=64, blank=True)
    arguments = models.TextField(blank=True)
    effect = models.CharField(max_length=10, blank=True)  # ``engine.tools.tool.Effect`` of a tool call
    tool_output = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    provider_request_id = models.CharField(max_length=200, blank=True)

    prompt_tokens = models.BigIntegerField(default=0)  # includes the next two
    cached_prompt_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)  # includes reasoning tokens
    reasoning_tokens = models.BigIntegerField(default=0)
    citation_tokens = models.BigIntegerField(default=0, db_default=0)  # billed beside the prompt
    searches = models.IntegerField(default=0, db_default=0)  # that the provider made for it
    # From the request to the end of the reply: what a price by time is billed for. ``latency_ms`` is the call's own.
    took_ms = models.BigIntegerField(default=0, db_default=0)
    usage_estimated = models.BooleanField(default=False)  # the provider reported no usage, so we counted
    counted_tokens = models.IntegerField(default=0)  # our count of the prompt before the call
    input_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    output_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    cached_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    cache_write_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    reasoning_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    # Fees of its price, in USD for each.
    request_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    search_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    second_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    citation_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    # The quote that it is priced with; null: none, or from before this was kept. Without a constraint of the database:
    # calls of all teams would lock the same few rows. Quotes are never removed.
    quote = models.ForeignKey(
        PriceQuote,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="calls",
    )
    # The tier: prices of prompts longer than this.
    priced_above_tokens = models.BigIntegerField(default=0, db_default=0)
    reserved_nusd = models.BigIntegerField(default=0)  # the most it can cost; kept when it is settled
    cost_nusd = models.BigIntegerField(null=True)  # null: open, or its price is unknown
    # What the cost is made of (``engine.catalogue.pricing.Parts``): they sum to it, and the last one may be below 0.
    # Null: nothing was asked, nobody knows, or from before this was kept.
    prompt_nusd = models.BigIntegerField(null=True)
    cached_nusd = models.BigIntegerField(null=True)
    cache_write_nusd = models.BigIntegerField(null=True)
    completion_nusd = models.BigIntegerField(null=True)
    reasoning_nusd = models.BigIntegerField(null=True)
    citations_nusd = models.BigIntegerField(null=True)
    searches_nusd = models.BigIntegerField(null=True)
    request_nusd = models.BigIntegerField(null=True)
    seconds_nusd = models.BigIntegerField(default=0, db_default=0)  # 0 also where the others are null
    beyond_ours_nusd = models.BigIntegerField(null=True)  # what the provider's own figure is above or below ours
    provider_nusd = models.BigIntegerField(null=True)  # what the provider itself says that it costs
    provider_is_booked = models.BooleanField(default=False, db_default=False)  # that figure is the cost, and not ours
    billed_month = models.DateField(help_text="first day of the month in which it was opened, in UTC")

    cache_key = models.CharField(max_length=64, blank=True)  # set where the result may be reused
    cache_hit = models.BooleanField(default=False)  # nothing was asked: an earlier result was reused
    cache_age_s = models.FloatField(null=True)  # the age of what was reused
    saved_nusd = models.BigIntegerField(null=True)  # what the reuse spared; null: unknown, or nothing was reused

    # Before it was opened: for its turn at the provider, or for budget in flight.
    waited_ms = models.IntegerField(default=0)
    budget_ms = models.IntegerField(default=0, db_default=0)  # of that for budget
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    ttft_ms = models.IntegerField(null=True)  # time to the first token of a streamed reply
    latency_ms = models.IntegerField(null=True)

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            one_of("call", "state", CallState),
            one_of("call", "cost_class", CostClass),
            models.CheckConstraint(condition=Q(kind__in=["model", "tool", "task"]), name="call_kind_known"),
            models.CheckConstraint(
                condition=Q(refused_by="") & ~Q(cost_class=CostClass.REJECTED)
                | Q(refused_by__in=["schema", "guardrail", "person"], cost_class=CostClass.REJECTED),
                name="call_rejected_iff_refused",
            ),
            models.CheckConstraint(condition=Q(epoch__gte=1, attempt__gte=1), name="call_epoch_and_attempt_from_one"),
            *not_negative(
                "call",
                "cost_nusd",
                "reserved_nusd",
                "prompt_tokens",
                "cached_prompt_tokens",
                "cache_write_tokens",
                "completion_tokens",
                "reasoning_tokens",
                "priced_above_tokens",
                "citation_tokens",
                "searches",
                "took_ms",
                "provider_nusd",
            ),
            models.CheckConstraint(
                condition=Q(provider_is_booked=False) | Q(cost_nusd=F("provider_nusd")),
                name="call_books_what_is_stated",
            ),
            models.CheckConstraint(
                condition=Q(prompt_nusd=None) | Q(cost_nusd=sum((F(f"{part}_nusd") for part in CALL_PARTS), Value(0))),
                name="call_parts_sum_to_its_cost",
            ),
            models.UniqueConstraint(
                fields=["run", "task_run", "branch", "step"],
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
            models.Index(fields=["team", "billed_month", "id"], name="call_of_month"),
            models.Index(
                fields=["team", "billed_month"],
                include=["run", "model"],
                name="call_unpriced",
                condition=Q(cost_nusd=None, simulated=False) & ~Q(state=CallState.INTENT),
            ),
            models.Index(fields=["run"], name="call_open", condition=Q(state="intent")),
            models.Index(fields=["team", "tool", "run"], name="call_of_tool", condition=Q(kind="tool")),
            models.Index(
                fields=["run"],
                include=["state", "cost_nusd"],
                name="call_wasted",
                condition=Q(cost_class__in=list(WASTED)),
            ),
            models.Index(
                fields=["team", "credential", "model", "started_at"],
                name="call_of_lane",
                condition=~Q(credential=""),
            ),
            models.Index(fields=["team", "cache_key", "-finished_at"], name="call_kept", condition=~Q(cache_key="")),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def title(self) -> str:
        """What was called."""
        if self.kind == "task":
            return "Output of an earlier run"
        return self.tool if self.kind == "tool" else self.model
