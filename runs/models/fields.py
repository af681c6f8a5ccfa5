"""What several models share: ids, the database's clock, choices and checks, and the sums that rollups keep."""

from __future__ import annotations

from enum import Enum, StrEnum
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

import fastuuid
from django.db import models
from django.db.models import F, Func, Q


def new_id() -> UUID:
    """A version 7 UUID: unique without asking the database, and ordered by time, so lists page by it."""
    return UUID(str(fastuuid.uuid7()))


class ClockTimestamp(Func):
    """The database's clock now, not at the start of the transaction."""

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = models.DateTimeField()


class Milliseconds(Func):
    """From the second moment to the first."""

    template = "round(extract(epoch from (%(expressions)s)) * 1000)::bigint"
    arg_joiner = " - "
    output_field = models.BigIntegerField()


def not_negative(model: str, *fields: str) -> list[models.BaseConstraint]:
    """A constraint for each field. ``model`` begins the constraints' names."""
    return [
        models.CheckConstraint(condition=Q(**{f"{field}__gte": 0}), name=f"{model}_{field}_not_negative")
        for field in fields
    ]


def choices_of(states: type[StrEnum]) -> list[tuple[str, str]]:
    """An enum of the engine's as a field takes it."""
    return [(state.value, state.value.capitalize()) for state in states]


def one_of(model: str, field: str, choices: type[Enum]) -> models.BaseConstraint:
    """The field holds one of the enum's values. ``model`` begins the constraint's name."""
    values = [choice.value for choice in choices]
    return models.CheckConstraint(condition=Q(**{f"{field}__in": values}), name=f"{model}_{field}_known")


def one_given(*fields: str) -> Q:
    """Exactly one of the fields is not null."""
    given = [Q(**{f"{name}__isnull": name != field for name in fields}) for field in fields]
    return reduce(or_, given)


def keeping_the_id(collector: Any, field: Any, rows: Any, using: str) -> None:
    """For ``on_delete``: the key becomes null, and ``former_<its name>`` of the row keeps the id that it had.

    Sums by that id can then be taken out as they were added.
    """
    rows.update(**{f"former_{field.name}": F(field.attname)})
    models.SET_NULL(collector, field, rows, using)


keeping_the_id.lazy_sub_objs = True  # type: ignore[attr-defined]


class Rollup(models.Model):
    """Sums over calls."""

    prompt_tokens = models.BigIntegerField(default=0)  # includes the next two
    cached_prompt_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)  # includes reasoning tokens
    reasoning_tokens = models.BigIntegerField(default=0)
    successful_requests = models.IntegerField(default=0)  # model requests that were answered
    spent_nusd = models.BigIntegerField(default=0)
    unpriced_calls = models.IntegerField(default=0)  # their price is unknown, so ``spent_nusd`` lacks their cost
    estimated_calls = models.IntegerField(default=0)  # their provider reported no usage, so we counted

    class Meta:
        abstract = True

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens
