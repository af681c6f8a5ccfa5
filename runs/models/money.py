"""Dated prices, a month's bill and what of it is whose, corrections, and how fast a provider key may be asked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.models.call import Call
from runs.models.fields import not_negative
from teams.models import Team


class PriceQuote(models.Model):
    """A dated price of one model, in USD per million tokens. Without a team it is the default list's.

    The price in force is the team's newest that has begun, else the default list's newest. It is for prompts that
    exceed none of its ``tiers``.
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
            *not_negative(
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


class PriceTier(models.Model):
    """What a quote says of longer prompts: once a prompt exceeds ``above_tokens``, the whole request costs this."""

    TEAM_PATH = "quote__team"

    quote = models.ForeignKey(PriceQuote, on_delete=models.CASCADE, related_name="tiers")
    above_tokens = models.BigIntegerField()
    input_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    output_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    cached_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    cache_write_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)

    class Meta:
        ordering = ["above_tokens"]
        constraints = [
            models.UniqueConstraint(fields=["quote", "above_tokens"], name="price_tier_once_per_length"),
            models.CheckConstraint(condition=Q(above_tokens__gte=1), name="price_tier_above_one_token"),
            *not_negative(
                "price_tier",
                "input_usd_per_mtok",
                "output_usd_per_mtok",
                "cached_usd_per_mtok",
                "cache_write_usd_per_mtok",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quote} above {self.above_tokens}"


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


class Lane(models.Model):
    """How fast a provider key takes requests for a model; ``window`` bounds those in flight, null is no bound.

    A row begins with a key's own limits, or with the first refusal for being asked too often.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    credential = models.CharField(max_length=120)
    model = models.CharField(max_length=200)
    window = models.FloatField(null=True)
    shrunk_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "credential", "model"], name="lane_once_per_key_and_model")
        ]

    def __str__(self) -> str:
        return f"{self.credential} {self.model}"
