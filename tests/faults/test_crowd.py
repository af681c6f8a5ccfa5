"""Very many runs at once: whoever comes later is not kept waiting by whoever has a long queue."""

from __future__ import annotations

import pytest

from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.people import Run, wait_for
from tests.faults.processes import until
from tests.faults.world import PATIENT, World, Worlds

CROWD = 10_000
COPY = """
    INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS one CROSS JOIN {ids} WHERE one.{key} = %s
"""


def queue_copies(world: World, run: Run, number: int) -> None:
    """So many more runs like this one, as if they had been launched without a bell."""
    world.execute("CREATE TABLE fault_copies AS SELECT uuid_in(md5(n::text)::cstring) AS new_id, "
                  "'copy' || n AS tag FROM generate_series(1, %s) AS n", number)  # fmt: skip
    replaced = {"id": "new_id", "inputs": "json_build_object('tag', tag)", "idempotency_key": "NULL"}
    _copy(world, "runs_run", "id", replaced, run.id)
    _copy(world, "runs_taskrun", "run_id", {"run_id": "new_id", "id": None}, run.id)


def _copy(world: World, table: str, key: str, replaced: dict[str, str | None], run_id: str) -> None:
    found = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'"
    columns = [name for (name,) in world.rows(found, table) if replaced.get(name, "") is not None]
    values = ", ".join(replaced.get(name) or f"one.{name}" for name in columns)
    names = ", ".join(columns)
    world.execute(COPY.format(table=table, columns=names, values=values, ids="fault_copies", key=key), run_id)


@pytest.mark.slow_fault
def test_10_000_queued_runs_of_one_team_do_not_keep_another_team_waiting(worlds: Worlds) -> None:
    world = worlds.other(constants=PATIENT)
    world.script(latency_s=0.2)
    busy, other = world.team(), world.team()
    queue_copies(world, busy.launch(chain("a")), CROWD)
    world.worker()
    world.worker()
    done = "SELECT count(*) FROM runs_run WHERE team_id = %s AND state = 'succeeded'"
    until(lambda: world.rows(done, busy.id)[0][0] >= 100, timeout_s=120, what=world.last_words)
    runs = other.launch_many(chain("a", "b"), 5)
    wait_for(runs, timeout_s=100)
    ((ahead,),) = world.rows(done, busy.id)
    assert_honest(runs)
    assert {run.state for run in runs} == {"succeeded"}
    assert ahead < CROWD * 0.9
    # Turns go to both: the others have only these few, so hardly more of the long queue went before them.
    until(lambda: world.rows(done, busy.id)[0][0] > ahead + 100, timeout_s=60, what="the long queue stood still")
    for worker in world.workers:
        assert worker.terminate(timeout_s=40) == 0, worker.last_words
    world.manage("check_invariants")
    ids = world.rows(
        "SELECT id::text, inputs ->> 'tag' FROM runs_run WHERE team_id = %s AND state <> 'queued'", busy.id
    )
    begun = [Run(world, run_id, tag) for run_id, tag in ids]
    assert len(begun) < CROWD
    assert_honest([run for run in begun if run.state == "succeeded"])
    worlds.close()
