"""kill -9 of workers and of the web in the midst of a batch, a pause in mid flight, a budget that is reached and
raised: every row ends once, no row gets two runs, and nothing finished is paid again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.people import Run, Team
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


def launch(team: Team, tags: list[str], **bounds: Any) -> str:
    """The id of a batch of two calls in a row for each tag."""
    slug = team.design(chain("a", "b"))
    asked = {"inputs": [{"tag": tag} for tag in tags], "max_concurrency": AT_ONCE} | bounds
    answer = team.ask("POST", f"/crews/{slug}/batches", json=asked)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait_for_state(world: World, batch: str, *wanted: str) -> None:
    def is_there() -> bool:
        return world.rows("SELECT state, paused_for FROM runs_batch WHERE id = %s", batch) == [wanted]

    until(is_there, timeout_s=90, what=world.last_words)


def assert_every_row_ran_once(world: World, batch: str, tags: list[str], *, killed: int = 0) -> None:
    """``killed``: so many calls in flight at most were lost with their workers, and made again."""
    runs = runs_of(world, batch)
    assert sorted(run.tag for run in runs) == tags
    assert_honest(runs, states=("succeeded",))
    assert world.rows("SELECT count(*) FROM runs_batchrow WHERE batch_id = %s AND run_id IS NULL", batch) == [(0,)]
    lost = [(run.tag, state) for run in runs for state in run.sent if state != "ok"]
    assert len(lost) <= killed
    for run in runs:  # what was billed is the work, and what was in flight when a worker died
        assert 2 <= len(run.billed) <= 2 + [tag for tag, _ in lost].count(run.tag)


@pytest.mark.slow_fault
def test_kill_9_of_workers_in_the_midst_of_a_batch_loses_no_row_and_pays_none_twice(world: World) -> None:
    tags = [f"row{at:02}" for at in range(ROWS)]
    world.script({"has": f"<<{tags[1]}/b>>", "hold": True, "times": 1})
    batch = launch(world.team(), tags)
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
    assert_every_row_ran_once(world, batch, tags, killed=AT_ONCE)
    (row,) = [run for run in runs_of(world, batch) if run.tag == tags[1]]
    assert "unknown" in row.sent


@pytest.mark.slow_fault
def test_kill_9_of_web_and_worker_together_and_a_pause_in_mid_flight_lose_no_row(world: World) -> None:
    tags = [f"both{at:02}" for at in range(ROWS)]
    world.script({"has": "/a>>", "hold": True, "times": AT_ONCE})
    team = world.team()
    batch = launch(team, tags)
    first = world.worker()
    in_flight = {f"{tag}/a" for tag in tags[:AT_ONCE]}
    until(lambda: in_flight <= set(world.seen()["arrived"]), timeout_s=60, what=world.last_words)
    world.web.kill()
    first.kill()
    world.start_web()
    assert team.ask("POST", f"/batches/{batch}/pause").json()["status"] == "paused"
    assert len(runs_of(world, batch)) == AT_ONCE
    world.release()
    for _ in range(2):
        world.worker()
    # What was under way ends, in the workers that are there now, and no further row begins.
    until(lambda: team.ask("GET", f"/batches/{batch}").json()["live"] == 0, timeout_s=60, what=world.last_words)
    assert len(runs_of(world, batch)) == AT_ONCE
    assert team.ask("POST", f"/batches/{batch}/resume", json={}).status_code == 200
    world.web.kill()  # it has rung, and is not needed any more
    wait_for_state(world, batch, "done", "")
    world.start_web()
    assert_every_row_ran_once(world, batch, tags, killed=AT_ONCE)


@pytest.mark.slow_fault
@pytest.mark.parametrize(
    "budgets",
    [{"run_budget_usd": "0.001", "budget_usd": "0.00105"}, {"budget_usd": "0.00006"}],
    ids=["a budget of each row", "shares of the whole"],
)
def test_a_budget_reached_in_mid_batch_and_raised_pays_no_row_twice(world: World, budgets: dict[str, str]) -> None:
    tags = [f"{'cent' if 'run_budget_usd' in budgets else 'share'}{at:02}" for at in range(ROWS)]
    team = world.team()
    batch = launch(team, tags, **budgets)
    worker = world.worker()
    wait_for_state(world, batch, "paused", "budget")
    before = runs_of(world, batch)
    assert 0 < len(before) < ROWS
    spent = "SELECT coalesce(sum(spent_nusd), 0)::bigint FROM runs_run WHERE batch_id = %s"
    assert world.rows(spent, batch)[0][0] <= float(budgets["budget_usd"]) * 1e9
    refused = team.ask("POST", f"/batches/{batch}/resume", json={})
    assert refused.status_code == 409, refused.text
    assert team.ask("POST", f"/batches/{batch}/resume", json={"budget_usd": "1"}).status_code == 200
    until(lambda: len(runs_of(world, batch)) > len(before), timeout_s=60, what=world.last_words)
    worker.kill()
    world.worker()
    wait_for_state(world, batch, "done", "")
    assert_every_row_ran_once(world, batch, tags, killed=AT_ONCE)
