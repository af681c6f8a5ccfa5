"""A team's bill of a month, each member's part of it, corrections of what was booked, and the frozen copy of a bill
that was closed, which names nothing by key, so that whatever is renamed or removed later does not change it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.models.call import Call
from runs.models.fields import not_negative, one_of
from teams.models import Team


class Bill(models.Model):
    """What a team spent in one month on real models. Once it is closed, ``ClosedBill`` says what it is made of, and the
    database refuses to change its sums."""

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


class ClosedBill(models.Model):
    """The frozen copy of a closed bill: its head. The database refuses to change it or to remove it.

    Its document is ``head``, then its lines' texts with a comma and a line break between them, then the end that
    ``runs.closing.document`` adds; ``sha256`` is of those bytes.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="closed_bills")
    bill = models.OneToOneField(Bill, on_delete=models.PROTECT, related_name="closed")
    number = models.IntegerField(help_text="counts the team's closed bills, in the order in which they were closed")
    month = models.DateField(help_text="first day of the month, in UTC")
    closed_at = models.DateTimeField()
    total_nusd = models.BigIntegerField()
    head = models.TextField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "number"], name="closed_bill_once_per_number"),
            models.UniqueConstraint(fields=["team", "month"], name="closed_bill_once_per_month"),
            models.CheckConstraint(condition=Q(number__gte=1), name="closed_bill_numbers_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.team} {self.month:%Y-%m}, No. {self.number}"


class ClosedLine(models.Model):
    """A line of a closed bill, as text. The database refuses to change it or to remove it."""

    TEAM_PATH = "bill__team"

    bill = models.ForeignKey(ClosedBill, on_delete=models.PROTECT, related_name="lines", db_index=False)
    position = models.IntegerField()
    is_counter_line = models.BooleanField()  # else the calls of a day that agree in all that a bill is asked about
    nusd = models.BigIntegerField(help_text="what it adds to the total")
    text = models.TextField(help_text="a JSON object")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bill", "position"], name="closed_line_once")]

    def __str__(self) -> str:
        return f"line {self.position} of {self.bill_id}"


class ClosingEntry(models.Model):
    """An entry of the log of closed bills, which only grows: who closed which bill when."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="closings")
    number = models.IntegerField()
    month = models.DateField()
    closed_at = models.DateTimeField()
    closed_by = models.CharField(max_length=255)  # a name and an address, as they were
    by_token = models.CharField(max_length=120, blank=True)  # the API token that it was done with; "": on a page
    total_nusd = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "number"], name="closing_entry_once")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} closed by {self.closed_by}"
