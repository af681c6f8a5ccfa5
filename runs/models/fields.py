"""What several models are made of: ids, the database's clock, checks, and the sums that rollups keep."""

from __future__ import annotations

from uuid import UUID

import fastuuid
from django.db import models
from django.db.models import Func, Q


def new_id() -> UUID:
    """A version 7 UUID: unique without asking the database, and ordered by time, so lists page by it."""
    return UUID(str(fastuuid.uuid7()))


class ClockTimestamp(Func):
    """The database's clock now, not at the start of the transaction."""

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = models.DateTimeField()


def not_negative(model: str, *fields: str) -> list[models.BaseConstraint]:
    return [
        models.CheckConstraint(condition=Q(**{f"{field}__gte": 0}), name=f"{model}_{field}_not_negative")
        for field in fields
    ]


def one_of(model: str, field: str, choices: type[models.TextChoices]) -> models.BaseConstraint:
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
