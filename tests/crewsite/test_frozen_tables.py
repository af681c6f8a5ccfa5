"""Tables whose rows the database refuses to change are not emptied either."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

pytestmark = pytest.mark.django_db

KEPT = import_module("runs.migrations.0041_frozen_tables_are_never_emptied")
LATER = import_module("runs.migrations.0054_data_sets_are_frozen")
FROZEN = {*KEPT.TABLES, "runs_datasetversion", "runs_datasetrow"}

# By the function that refuses, since other triggers of rows work something out. 1: each row; 32: TRUNCATE.
REFUSING = """
    SELECT relname FROM pg_trigger AS trigger
    JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND proname LIKE 'refuse%%' AND tgenabled = 'O' AND tgtype & %s > 0
"""


def refusing(kind: int) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(REFUSING, [kind])
        return {name for (name,) in cursor.fetchall()}


def test_every_table_with_rows_that_are_never_changed_is_never_emptied(subtests: Any) -> None:
    tables = refusing(1)
    assert tables == refusing(32) == FROZEN
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits to be checked would refuse it too
        for table in sorted(tables):
            with (
                subtests.test(table),
                pytest.raises(IntegrityError, match="is never emptied"),
                transaction.atomic(),
            ):
                cursor.execute(f"TRUNCATE {table} CASCADE")
        with pytest.raises(IntegrityError, match="is never emptied"), transaction.atomic():
            cursor.execute("TRUNCATE teams_team CASCADE")  # what they hang on takes none of them along


def test_the_change_is_taken_back_and_made_again() -> None:
    (first,), (later,) = KEPT.Migration.operations, LATER.Migration.operations
    with connection.cursor() as cursor:
        for operation in (later, first):
            cursor.execute(operation.reverse_sql)
        assert refusing(32) == {"teams_auditentry"}
        for operation in (first, later):
            cursor.execute(operation.sql)
    assert refusing(32) == FROZEN
