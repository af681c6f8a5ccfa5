"""Messages that are lost, repeated or of an older version, and sweepers that are dead or many: each run is run once."""

from __future__ import annotations

from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.world import PATIENT, World

NO_SWEEPER = {"SWEEP_EVERY_S": 100_000}
AT_ONCE = """
    SELECT max((SELECT count(*) FROM runs_run AS other WHERE other.team_id = run.team_id
                AND other.started_at <= run.started_at AND other.finished_at > run.started_at))
    FROM runs_run AS run WHERE team_id = %s
"""


def test_messages_that_are_repeated_run_each_run_once(world: World) -> None:
    world.stop_workers()
    world.script({"has": "/a>>", "hold": True})
    team = world.team()
    another = team.design(chain("another"))
    runs = team.launch_many(chain("a", "b"), 8)
    for _ in range(2):
        world.worker(constants=PATIENT)
    team.wait_until_in_flight("a", runs)
    world.manage("fault_ring", str(5 * len(runs)))
    team.assert_nobody_repeats("a", runs, another=another)
    world.release()
    assert_honest(runs)
    assert {run.state for run in runs} == {"succeeded"}
    assert {tuple(run.sent) for run in runs} == {("ok", "ok")}
    assert sum(len(run.billed) for run in runs) == 16


def test_lost_messages_are_rung_again_by_whichever_sweeper_lives(world: World) -> None:
    world.stop_workers()
    runs = world.team().launch_many(chain("a"), 5)
    world.rows("SELECT pgmq.purge_queue('runs')")
    world.worker(constants=NO_SWEEPER)
    world.worker()
    assert_honest(runs)
    assert {(run.state, *run.sent) for run in runs} == {("succeeded", "ok")}
    assert sum(len(run.billed) for run in runs) == 5


def test_two_workers_keep_a_teams_cap_and_fill_each_place_without_a_sweep(world: World) -> None:
    world.stop_workers()
    for _ in range(2):
        world.worker(constants=NO_SWEEPER)
    team = world.team()
    world.execute("UPDATE teams_team SET runs_at_once = 2 WHERE id = %s", team.id)
    runs = team.launch_many(chain("a"), 10)
    assert_honest(runs)
    assert {(run.state, *run.sent) for run in runs} == {("succeeded", "ok")}
    assert world.rows(AT_ONCE, team.id) == [(2,)]


def test_a_message_of_an_older_version_harms_nobody(world: World) -> None:
    """It names a run and asks for a task that is not there any more, as one does that was sent before an update."""
    world.shared_worker()
    world.manage("fault_ring", "1", "--task", "runs.execute")
    run = world.team().launch(chain("a"))
    assert_honest([run])
    assert run.state == "succeeded"
