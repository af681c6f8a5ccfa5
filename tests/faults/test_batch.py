"""kill -9 of workers in the midst of a batch: every row ends once, no row gets two runs, and nothing finished is paid
again."""

from __future__ import annotations

import pytest

from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.people import Run
from tests.faults.processes import until
from tests.faults.world import World

ROWS = 12
AT_ONCE = 3
KILLED = -9


@pytest.fixture(autouse=True)
def no_worker_of_another_test(world: World) -> None:
    world.stop_workers()


def runs_of(world: World, batch: str) -> list[Run]:
    found = world.rows("SELECT id::text, inputs ->> 'tag' FROM runs_run WHERE batch_id = %s ORDER BY id", batch)
    return [Run(world, run_id, tag) for run_id, tag in found]


@pytest.mark.slow_fault
def test_kill_9_of_workers_in_the_midst_of_a_batch_loses_no_row_and_pays_none_twice(world: World) -> None:
    tags = [f"row{at:02}" for at in range(ROWS)]
    world.script({"has": f"<<{tags[1]}/b>>", "hold": True, "times": 1})
    team = world.team()
    slug = team.design(chain("a", "b"))
    answer = team.ask(
        "POST", f"/crews/{slug}/batches", json={"inputs": [{"tag": tag} for tag in tags], "max_concurrency": AT_ONCE}
    )
    assert answer.status_code == 202, answer.text
    batch = answer.json()["id"]
    # One dies while it queues rows, one before it claims the first of them, one while it waits for a reply.
    for point, queued in (("in_launch", 0), ("after_feeding", AT_ONCE)):
        assert world.worker(failpoint=f"{point}:kill:1").wait(timeout_s=40) == KILLED
        assert len(runs_of(world, batch)) == queued
    first = world.worker()
    until(lambda: f"{tags[1]}/b" in world.seen()["arrived"], timeout_s=40, what=world.last_words)
    first.kill()
    most = 0

    def is_done() -> bool:
        nonlocal most
        live = "SELECT count(*) FROM runs_run WHERE batch_id = %s AND state IN ('queued', 'running', 'waiting')"
        most = max(most, world.rows(live, batch)[0][0])
        return world.rows("SELECT state FROM runs_batch WHERE id = %s", batch) == [("done",)]

    for _ in range(2):
        world.worker()

    until(is_done, timeout_s=60, what=world.last_words, every_s=0.05)
    assert most <= AT_ONCE
    runs = runs_of(world, batch)
    assert sorted(run.tag for run in runs) == tags
    assert_honest(runs, states=("succeeded",))
    lost = [(run.tag, state) for run in runs for state in run.sent if state != "ok"]
    assert (tags[1], "unknown") in lost
    for run in runs:  # what was billed is the work, and what was in flight when a worker died
        repeated = [tag for tag, _ in lost].count(run.tag)
        assert 2 <= len(run.billed) <= 2 + repeated
