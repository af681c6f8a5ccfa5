"""Dated prices, a month's bill and what of it is whose, corrections, and how fast a provider key may be asked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.models.call import Call
from runs.models.fields import not_negative
from teams.models import Team


class Bill(models.Model):
    """What a team spent in one month on real models: open while it runs, a frozen copy once closed.

    ``reserved_nusd`` is held for calls in flight; ``budget_nusd`` is the team's for that month, null for none.
    ``spent_nusd`` may be below nothing: what was booked too high in a month that is closed is a credit of this one.
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
            *not_negative("bill", "reserved_nusd", "budget_nusd"),
        ]

    def __str__(self) -> str:
        return f"{self.team} {self.month:%Y-%m}"


class Allowance(models.Model):
    """What one person spent in one team and month on real models, and what they may: the team's or their own budget.

    A row begins with the person's first real call of the month, or when limits are set in it. Runs of people who are
    gone count on the bill alone.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="allowances")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(help_text="first day of the month, in UTC")
    budget_nusd = models.BigIntegerField(null=True)
    spent_nusd = models.BigIntegerField(default=0)
    reserved_nusd = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user", "month"], name="allowance_once_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="allowance_month_is_first_day"),
            *not_negative("allowance", "reserved_nusd", "budget_nusd"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} {self.month:%Y-%m}"


class Correction(models.Model):
    """The exact figure of a call that had been booked at an assumption, because nobody knew how it ended.

    The call then holds the exact figure; this line keeps what was booked before. ``month`` is the bill that took the
    difference: the call's own while that was open, else the month in which the figure came, because a closed bill is
    never changed. Null is an unknown price.
    """

    TEAM_PATH = "call__team"

    call = models.OneToOneField(Call, on_delete=models.PROTECT, related_name="correction")
    booked_nusd = models.BigIntegerField(null=True)
    cost_nusd = models.BigIntegerField(null=True)
    month = models.DateField(help_text="first day of the month, in UTC")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(month__day=1), name="correction_month_is_first_day"),
            *not_negative("correction", "booked_nusd", "cost_nusd"),
        ]

    def __str__(self) -> str:
        return f"correction of {self.call_id}"
