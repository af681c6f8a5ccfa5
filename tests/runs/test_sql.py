"""How SQL is put together and how its rows are read."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import connection
from psycopg.sql import Literal

from runs.sql import listed, rows_as, statement


@dataclass(frozen=True)
class Figures:
    spent: int
    held: int


def test_a_statement_keeps_its_parameters_and_quotes_values() -> None:
    text = statement(
        "SELECT {columns}, {kind} WHERE id = %(id)s", columns=listed(["spent", "held"]), kind=Literal("it's")
    )
    assert text == "SELECT spent, held, 'it''s' WHERE id = %(id)s"


@pytest.mark.django_db
def test_columns_fill_the_fields_of_their_names_in_any_order() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2 AS held, 1 AS spent UNION ALL SELECT 4, 3 ORDER BY held")
        assert rows_as(Figures, cursor) == [Figures(spent=1, held=2), Figures(spent=3, held=4)]


@pytest.mark.django_db
@pytest.mark.parametrize("columns", ["1 AS spent", "1 AS spent, 2 AS held, 3 AS more"])
def test_columns_that_are_not_the_fields_are_refused(columns: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}")
        with pytest.raises(TypeError):
            rows_as(Figures, cursor)
