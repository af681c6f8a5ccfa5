"""Messages that are lost, repeated and reordered, and sweepers that are dead or many: each run is run once."""

from __future__ import annotations

import random

from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.world import World

NO_SWEEPER = {"SWEEP_EVERY_S": 100_000}


def test_messages_repeated_and_reordered_run_each_run_once(world: World) -> None:
    world.script(latency_s=0.3)
    runs = world.team().launch_many(chain("a", "b"), 8)
    bells = [run.id for run in runs] * 5
    random.Random(4).shuffle(bells)
    world.shared_worker()
    world.worker()
    world.manage("fault_ring", *bells)
    assert_honest(runs)
    assert {run.state for run in runs} == {"succeeded"}
    assert {tuple(run.calls()) for run in runs} == {("ok", "ok")}
    assert sum(len(run.billed) for run in runs) == 16


def test_lost_messages_are_rung_again_by_whichever_sweeper_lives(world: World) -> None:
    world.stop_workers()
    runs = world.team().launch_many(chain("a"), 5)
    world.rows("SELECT pgmq.purge_queue('runs')")
    world.worker(constants=NO_SWEEPER)
    world.worker()
    assert_honest(runs)
    assert {(run.state, *run.calls()) for run in runs} == {("succeeded", "ok")}
    assert sum(len(run.billed) for run in runs) == 5


def test_a_message_without_a_run_harms_nobody(world: World) -> None:
    world.shared_worker()
    world.manage("fault_ring", "00000000-0000-7000-8000-000000000000")
    run = world.team().launch(chain("a"))
    assert_honest([run])
    assert run.state == "succeeded"
