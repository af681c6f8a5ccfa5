"""Models made of rows that a statement of our own read, where each request asks and Django would build it anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, models

ModelT = TypeVar("ModelT", bound=models.Model)


@cache
def columns_of(model: type[models.Model], table: str) -> str:
    """All columns of a model for a SELECT of our own, as ``from_row`` takes them. ``table``: its name in there."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def from_row(model: type[ModelT], row: Sequence[Any]) -> ModelT:
    """The model that Django makes of the columns ``columns_of``."""
    return model.from_db(DEFAULT_DB_ALIAS, (), row)
