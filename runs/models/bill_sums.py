"""Sums over calls by what a bill is asked about, which bills read in place of the calls of runs that have ended.

``runs.ledger.rollups`` writes them with the other rollups. A call counts in the month and on the day in which it was
opened, as its bill does; the other rollups count a run at its launch.
"""

from __future__ import annotations

from uuid import UUID

from django.db import models

from agents_app.models import Crew, CrewVersion
from runs.models.call import CALL_PARTS
from runs.models.fields import Rollup
from runs.states import CostClass, RunState
from teams.models import KeptJSON, Team

NO_BATCH = UUID(int=0)


class LaunchLabels(models.Model):
    """A set of labels that runs were launched with, under its digest: what bills are split by, as ``customer``."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    digest = models.CharField(max_length=32)  # ``rollups.LABELS``
    labels = KeptJSON()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "digest"], name="launch_labels_once")]

    def __str__(self) -> str:
        return self.digest


class BillSum(Rollup):
    """Sums over the settled calls of one day that agree in all that a bill is asked about."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    simulated = models.BooleanField()
    month = models.DateField(help_text="their ``billed_month``")
    day = models.DateField(help_text="on which they were opened, in UTC")
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(CrewVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Ids, and 0 for nobody and none: an account or a token may go, and what it cost stays.
    person = models.BigIntegerField()
    api_token = models.BigIntegerField()
    labels = models.CharField(max_length=32, blank=True)  # ``LaunchLabels.digest``; "": launched without
    batch = models.UUIDField(default=NO_BATCH, db_default=NO_BATCH)  # whose rows the runs are; ``NO_BATCH``: of none
    agent = models.CharField(max_length=64, blank=True)  # its key; "": calls of no agent
    model = models.CharField(max_length=200, blank=True)
    credential = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=5)
    cost_class = models.CharField(max_length=10, choices=CostClass.choices)
    state = models.CharField(max_length=10, choices=RunState.choices)  # of their runs: what these gave in vain is waste
    calls = models.IntegerField(default=0)
    saved_nusd = models.BigIntegerField(default=0)  # by caches of results, as far as it is known
    # By reading a prompt from the provider's cache: what these tokens would have cost as others.
    cache_saved_nusd = models.BigIntegerField(default=0)
    prompt_nusd = models.BigIntegerField(default=0)
    cached_nusd = models.BigIntegerField(default=0)
    cache_write_nusd = models.BigIntegerField(default=0)
    completion_nusd = models.BigIntegerField(default=0)
    reasoning_nusd = models.BigIntegerField(default=0)
    citations_nusd = models.BigIntegerField(default=0)
    searches_nusd = models.BigIntegerField(default=0)
    request_nusd = models.BigIntegerField(default=0)
    seconds_nusd = models.BigIntegerField(default=0, db_default=0)
    beyond_ours_nusd = models.BigIntegerField(default=0)
    whole_nusd = models.BigIntegerField(default=0)  # of calls whose cost is kept without its parts

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("team", "simulated", "month", "day", "crew", "version", "person", "api_token", "labels"),
                    *("batch", "agent", "model", "credential", "kind", "cost_class", "state"),
                ],
                name="bill_sum_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calls} {self.cost_class} calls of {self.day}"


class DaySum(models.Model):
    """Sums over the settled calls of one day by crew and person: what forecasts and reports read of two months of days,
    in place of a ``BillSum`` for nearly every call."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    simulated = models.BooleanField()
    month = models.DateField(help_text="their ``billed_month``")
    day = models.DateField(help_text="on which they were opened, in UTC")
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.BigIntegerField()  # as in ``BillSum``
    calls = models.IntegerField(default=0)
    spent_nusd = models.BigIntegerField(default=0)
    unpriced_calls = models.IntegerField(default=0)  # ``spent_nusd`` lacks their cost

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "simulated", "month", "day", "crew", "person"], name="day_sum_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.day}"


PARTS = tuple(f"{part}_nusd" for part in CALL_PARTS)
"""The columns that, with ``whole_nusd``, sum to ``spent_nusd``."""


class UsageSum(models.Model):
    """Sums over the settled model calls of one month that are priced alike: what a month is re-priced from.

    They agree in their prices, and their prompts lie between two neighbours of ``rollups.PROMPT_LIMITS``, so that one
    tier of any price applies to all of them. ``-1`` stands for a price or fee that there is none of.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    simulated = models.BooleanField()
    month = models.DateField(help_text="their ``billed_month``")
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="+", db_index=False)
    agent = models.CharField(max_length=64, blank=True)  # its key; "": calls of no agent
    model = models.CharField(max_length=200, blank=True)
    as_booked = models.BooleanField()  # no price makes their cost: nothing was asked, or nobody knows what came of it
    priced = models.BooleanField()
    prompt_above = models.BigIntegerField()  # the limit below the prompt; -1: it has no tokens
    asks_tools = models.BooleanField()  # functions were offered
    asks_schema = models.BooleanField()  # the answer's schema was given
    input_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    output_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    cached_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    cache_write_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    reasoning_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    request_usd = models.DecimalField(max_digits=20, decimal_places=10)
    search_usd = models.DecimalField(max_digits=20, decimal_places=10)
    second_usd = models.DecimalField(max_digits=20, decimal_places=10)
    citation_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    calls = models.IntegerField(default=0)
    cost_nusd = models.BigIntegerField(default=0)
    beyond_ours_nusd = models.BigIntegerField(default=0)
    stated_calls = models.IntegerField(default=0)  # booked at what the provider says
    prompt_tokens = models.BigIntegerField(default=0)  # includes the next two
    cached_prompt_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)  # includes reasoning tokens
    reasoning_tokens = models.BigIntegerField(default=0)
    citation_tokens = models.BigIntegerField(default=0)
    searches = models.BigIntegerField(default=0)
    took_ms = models.BigIntegerField(default=0)  # what a price by time is billed for

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("team", "simulated", "month", "crew", "agent", "model"),
                    *("as_booked", "priced", "prompt_above", "asks_tools", "asks_schema"),
                    *("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok"),
                    *("reasoning_usd_per_mtok", "request_usd", "search_usd", "second_usd", "citation_usd_per_mtok"),
                ],
                name="usage_sum_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.model} in {self.month:%Y-%m}"
