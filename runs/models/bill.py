"""A team's bill of a month, each member's part of it, and corrections of what was booked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.models.call import Call
from runs.models.fields import not_negative, one_of
from teams.models import Team


class Bill(models.Model):
    """What a team spent in one month on real models: open while the month runs, a frozen copy once closed."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="bills")
    month = models.DateField(help_text="first day of the month, in UTC")
    budget_nusd = models.BigIntegerField(null=True)  # null: no limit
    spent_nusd = models.BigIntegerField(default=0)  # below 0 if credits for a closed month exceed what was spent
    reserved_nusd = models.BigIntegerField(default=0)  # held for calls in flight
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "month"], name="bill_once_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="bill_month_is_first_day"),
            *not_negative("bill", "reserved_nusd", "budget_nusd"),
        ]

    def __str__(self) -> str:
        return f"{self.team} {self.month:%Y-%m}"


class Allowance(models.Model):
    """What one person spent on real models in one team and month, and what they may spend.

    A row begins with the person's first real call of the month, or when limits are set in it. Runs of people whose
    accounts are gone count on the bill alone.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="allowances")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(help_text="first day of the month, in UTC")
    budget_nusd = models.BigIntegerField(null=True)  # the member's own, else the team's usual one; null: no limit
    spent_nusd = models.BigIntegerField(default=0)  # see ``Bill``
    reserved_nusd = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user", "month"], name="allowance_once_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="allowance_month_is_first_day"),
            *not_negative("allowance", "reserved_nusd", "budget_nusd"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} {self.month:%Y-%m}"


class Corrects(models.TextChoices):
    """Why a call's cost became another: its figure came late, or its model got a price after it was made."""

    LATE = "late"
    PRICED = "priced"


class Correction(models.Model):
    """What was booked for a call of unknown outcome or without a price, once the exact figure was known; the call has
    that figure now.

    The bill of ``month`` took the difference: the call's own bill while that was open, else the bill of the month in
    which the figure came, because a closed bill is never changed.
    """

    TEAM_PATH = "call__team"

    call = models.OneToOneField(Call, on_delete=models.PROTECT, related_name="correction")
    booked_nusd = models.BigIntegerField(null=True)  # the assumption; null: the price is unknown
    cost_nusd = models.BigIntegerField(null=True)  # the exact figure, as the call has it
    month = models.DateField(help_text="first day of the month, in UTC")
    why = models.CharField(max_length=6, choices=Corrects.choices, default=Corrects.LATE, db_default=Corrects.LATE)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            one_of("correction", "why", Corrects),
            models.CheckConstraint(condition=Q(month__day=1), name="correction_month_is_first_day"),
            *not_negative("correction", "booked_nusd", "cost_nusd"),
        ]

    def __str__(self) -> str:
        return f"correction of {self.call_id}"
