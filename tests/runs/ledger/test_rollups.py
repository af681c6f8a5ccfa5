"""The function that folds runs into rollups: it is made of this code's tables, and folds what a rebuild would."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from runs.ledger import rollups
from runs.ledger.rollups import writing
from runs.ledger.rollups.tables import ROLLUPS
from runs.models import Run
from runs.states import CostClass, RunState
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run, make_task

pytestmark = pytest.mark.django_db

FUNCTION = "SELECT prosrc, xmin::text FROM pg_proc WHERE proname = 'runs_fold'"


def asked(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall()) if cursor.description else []


def test_the_function_is_made_where_there_is_none_or_another_and_left_alone_else() -> None:
    (by_migrating,) = asked(FUNCTION)
    asked("DROP FUNCTION runs_fold")
    writing.install()
    (made,) = asked(FUNCTION)
    assert made[0] == by_migrating[0]
    asked(
        "CREATE OR REPLACE FUNCTION runs_fold(fold_runs uuid[], fold_sign integer) RETURNS void LANGUAGE plpgsql "
        "AS 'BEGIN END'"
    )
    writing.install()
    (again,) = asked(FUNCTION)
    assert again[0] == made[0]
    asked("ALTER FUNCTION runs_fold RESET ALL")
    writing.install()
    assert asked("SELECT proconfig FROM pg_proc WHERE proname = 'runs_fold'") == [(writing._SETTINGS,)]
    (again,) = asked(FUNCTION)
    asked("CREATE TEMP TABLE now AS SELECT 1")  # what is written from here on would have another xmin
    writing.install()
    assert asked(FUNCTION) == [again]


def test_older_code_leaves_the_function_of_newer_code_alone() -> None:
    (ours,) = asked(FUNCTION)
    asked("DROP FUNCTION runs_fold")
    asked("CREATE FUNCTION runs_fold(uuid[], integer) RETURNS void LANGUAGE plpgsql AS 'BEGIN /* newer */ END'")
    asked("INSERT INTO django_migrations (app, name, applied) VALUES ('runs', '9998_later', now())")
    writing.install()
    assert "newer" in asked(FUNCTION)[0][0]
    asked("DELETE FROM django_migrations WHERE name = '9998_later'")
    writing.install()
    assert asked(FUNCTION)[0][0] == ours[0]


def kept() -> dict[str, list[Any]]:
    named = {rollup.table: ", ".join([*rollup.keys, *rollup.figures]) for rollup in ROLLUPS}
    return {table: sorted(asked(f"SELECT {columns} FROM {table}"), key=str) for table, columns in named.items()}


def test_runs_are_folded_one_by_one_or_together_as_a_rebuild_does(cast: Cast) -> None:
    crew = make_crew(cast.editor)
    runs = []
    for state in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED):
        run = make_run(cast.runner, crew, state=state, usd=0.00225, metadata={"customer": "Acme"})
        rollups.take_out(run.pk)
        task = make_task(run, "figures")
        make_call(run, task=task)
        make_call(run, task=task, step=1, cost_class=CostClass.REJECTED)
        make_call(run, step=2, cost_nusd=None, kind="tool")
        runs.append(run.pk)
    rollups.add(runs[0])
    rollups.add(*runs[1:])
    rollups.add()
    by_function = kept()
    assert all(by_function.values())
    rollups.rebuild(cast.team.pk)
    assert kept() == by_function
    waste = dict(Run.objects.values_list("state", "ended_waste_nusd"))
    assert waste == {"succeeded": 750_000, "failed": 2_250_000, "cancelled": 2_250_000}
    rollups.take_out(*runs)
    figures = [
        row[len(rollup.keys) :]
        for rollup in ROLLUPS
        for row in asked(f"SELECT {', '.join([*rollup.keys, *rollup.figures])} FROM {rollup.table}")
    ]
    assert {value for row in figures for value in row} == {0}
