"""How SQL is put together from fixed parts, and how rows are read into classes. What is asked is not decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, LiteralString, TypeVar

from psycopg.sql import SQL, Composable, Composed

T = TypeVar("T")


def statement(text: LiteralString, **parts: Composable) -> str:
    """The statement with its ``{parts}`` filled in. Values are not parts: they stay ``%(parameters)s``.

    psycopg composes it, so a value that is given as a part would be quoted and could not become SQL.
    """
    return SQL(text).format(**parts).as_string()


def listed(parts: Iterable[str]) -> Composed:
    """Columns or expressions of the code's own, with commas between them, as one part. Never anything from outside."""
    return SQL(", ").join(SQL(part) for part in parts)


def rows_as(row_class: Callable[..., T], cursor: Any) -> list[T]:
    """The rows that are left, each column in the field of its name. ``TypeError`` if a column fits no field."""
    names = [column[0] for column in cursor.description]
    return [row_class(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
