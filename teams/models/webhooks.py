"""A team's webhooks, and what is sent to them."""

from __future__ import annotations

from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from teams.models.kept_json import KeptJSON
from teams.models.people import Team, User


class WebhookEvent(models.TextChoices):
    """What a webhook can be told of."""

    BUDGET = "budget.threshold", "A budget is at 50, 80 or 100 %"
    WAITING = "run.waiting", "A run waits for a budget or a person"
    FAILED = "run.failed", "A run failed"
    SUCCEEDED = "run.succeeded", "A run succeeded"
    BATCH_LAUNCHED = "batch.launched", "A batch is launched"
    BATCH_PAUSED = "batch.paused", "A batch is paused, by a person or for failures"
    BATCH_BUDGET = "batch.budget", "A batch has reached its budget and is paused"
    BATCH_RESUMED = "batch.resumed", "A batch goes on"
    BATCH_ENDED = "batch.ended", "A batch is done or cancelled"
    SCHEDULE_LAUNCHED = "schedule.launched", "A schedule has launched a run or a batch"
    SCHEDULE_SKIPPED = "schedule.skipped", "A schedule has left a time out, or went off before it"
    SCHEDULE_MISSED = "schedule.missed", "A schedule has missed times, because no worker was at work"
    SCHEDULE_REFUSED = "schedule.refused", "A schedule could not launch: it says why"
    SCHEDULE_OFF = "schedule.off", "A schedule has gone off by itself"
    WEEK = "report.week", "A week is over: what it cost"
    MONTH = "report.month", "A month is over: what it cost"


class Webhook(models.Model):
    """A team's address that is told of events. The secret that signs what is sent was shown once."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    secret = models.BinaryField()  # encrypted
    events = ArrayField(models.CharField(max_length=40, choices=WebhookEvent.choices))
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    DUE = "due"
    SENT = "sent"
    FAILED = "failed"  # given up after the last try


class Delivery(models.Model):
    """One event for one webhook: what is to be sent, and how the last try went.

    The id is sent with every try, so that a receiver can tell a delivery that comes twice. A sender first moves
    ``next_try_at`` ahead, so that no other one takes the delivery meanwhile.
    """

    TEAM_PATH = "webhook__team"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    payload = KeptJSON()
    state = models.CharField(max_length=6, choices=DeliveryState.choices, default=DeliveryState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)  # the receiver's HTTP status
    error = models.TextField(blank=True)
    response = models.TextField(blank=True)  # the beginning of the receiver's answer

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=models.Q(state=DeliveryState.DUE, next_try_at__isnull=False)
                | (~models.Q(state=DeliveryState.DUE) & models.Q(next_try_at=None)),
                name="delivery_tried_again_iff_due",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "next_try_at"], name="delivery_due", condition=models.Q(state="due")),
            models.Index(fields=["webhook", "-created_at"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"
