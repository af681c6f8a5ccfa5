"""Conditions that Django has no words for, in forms that PostgreSQL's indexes serve."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull

NOBODY = 0
"""No row has this id."""


class NotTrue(Func):
    """Everything that a condition does not find, also where it is neither true nor false for want of a value."""

    template = "(%(expressions)s) IS NOT TRUE"
    output_field = BooleanField()


class _IsOneOf(Func):
    template = "(%(expressions)s))"
    arg_joiner = " = ANY ("
    output_field = BooleanField()


def not_true(condition: Q) -> Q:
    return Q(NotTrue(condition))


def refers_to(column: str, rows: QuerySet[Any, Any]) -> Q:
    """The column has the key of one of these rows. They are read once, before the runs, so that an index can serve it;
    an IN would be looked up for each run.
    """
    return is_one_of(column, ArraySubquery(rows.order_by().values("pk")))


def is_one_of(column: str, array: Any) -> Q:
    """The column's value is among those of an expression that gives an array."""
    return Q(_IsOneOf(F(column), array))


def there_is(rows: QuerySet[Any, Any]) -> Q:
    """One of these rows is there, which refer to the run by ``OuterRef``. It is looked for run by run: PostgreSQL would
    make a join of an EXISTS, and look through the calls of all runs to list fifty.
    """
    return Q(IsNull(Subquery(rows.order_by().values("pk")[:1]), False))


def any_of(conditions: list[Q]) -> Q:
    """At least one of them holds; there is one at least."""
    found = conditions[0]
    for condition in conditions[1:]:
        found |= condition
    return found
