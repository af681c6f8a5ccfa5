"""Workers that are told to stop, frozen, or given a run that kills them."""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.crews import chain, crew, task
from tests.faults.honest import assert_honest
from tests.faults.people import ENDED, Run
from tests.faults.processes import until
from tests.faults.world import PATIENT, World

KILLED = -9


@pytest.fixture(autouse=True)
def no_worker_of_another_test(world: World) -> None:
    world.stop_workers()


def test_sigterm_under_20_runs_settles_what_is_in_flight_and_loses_nothing(world: World) -> None:
    world.script({"has": "/a>>", "hold": True})
    first = world.worker(constants=PATIENT)
    team = world.team()
    another = team.design(chain("another"))
    runs = team.launch_many(chain("a", "b"), 20)
    team.wait_until_in_flight("a", runs)
    first.signal(signal.SIGTERM)
    world.worker(constants=PATIENT)
    team.assert_nobody_repeats("a", runs, another=another)
    world.script()  # lets them go
    assert first.wait(timeout_s=30) == 0, first.last_words
    assert_honest(runs)
    assert {run.state for run in runs} == {"succeeded"}
    assert [state for run in runs for state in run.sent] == ["ok"] * 40
    assert sum(len(run.billed) for run in runs) == 40


def test_sigterm_then_sigkill_loses_the_call_in_flight_and_nothing_else(world: World) -> None:
    world.script({"has": "/b>>", "hold": True, "times": 1})
    first = world.worker()
    run = world.team().launch(chain("a", "b"))
    run.wait_until_asked("b")
    first.signal(signal.SIGTERM)
    time.sleep(0.5)
    first.kill()
    world.let_leases_run_out()
    world.worker()
    assert_honest([run])
    assert (run.state, sorted(run.sent)) == ("succeeded", ["ok", "ok", "unknown"])


def test_a_worker_frozen_beyond_its_lease_books_its_bill_and_writes_nothing_else(world: World) -> None:
    """SIGSTOP in the middle of a call, another worker takes over, SIGCONT: the answer comes to a zombie."""
    world.script({"has": "/a>>", "latency_s": 1, "times": 1}, {"has": "/b>>", "hold": True, "times": 1})
    zombie = world.worker()
    run = world.team().launch(chain("a", "b", "c"))
    run.wait_until_asked("a")
    zombie.signal(signal.SIGSTOP)
    world.worker()
    run.wait_until_asked("b")
    zombie.signal(signal.SIGCONT)
    until(
        lambda: run.calls("state, epoch")[0] == ("late", 1), timeout_s=20, what=lambda: f"{run.calls('state, epoch')}"
    )
    world.release()
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.calls("state, epoch") == [("late", 1), ("ok", 2), ("ok", 2), ("ok", 2)]
    assert [line["task"] for line in run.billed] == ["a", "a", "b", "c"]


@pytest.mark.slow_fault
def test_a_run_that_kills_its_worker_each_time_is_given_up_and_costs_its_worst(world: World) -> None:
    team = world.team()
    bad = team.launch(chain("a"), tag="poison")
    replace_killed_workers_until_ended(world, [bad], failpoint="after_intent:kill:1:poison")
    assert bad.get("state, error_code") == ("failed", "poison")
    after = team.launch(chain("a"))
    assert_honest([bad, after])
    assert after.state == "succeeded"
    assert set(bad.calls()) == {"unknown"}
    assert 5 <= len(bad.calls()) <= 7


@pytest.mark.slow_fault
def test_a_run_that_kills_its_worker_each_time_takes_none_of_its_neighbours_with_it(world: World) -> None:
    """Its neighbours' calls take longer than the worker lives, so that none of them is ever finished beside it."""
    poison = {"has": "<<poison", "text": "A deadly answer.", "latency_s": 1}
    world.script(poison, {"has": "<<neighbour", "latency_s": 3})
    team = world.team()
    bad = team.launch(chain("a"), tag="poison")
    good = [team.launch(chain("a"), tag=f"neighbour-{number}") for number in range(3)]
    replace_killed_workers_until_ended(world, [bad, *good], failpoint="after_reply:kill:1:deadly")
    assert_honest([bad, *good])
    assert bad.get("state, error_code") == ("failed", "poison")
    assert [run.get("state, error_code") for run in good] == [("succeeded", "")] * 3


def replace_killed_workers_until_ended(world: World, runs: list[Run], *, failpoint: str) -> None:
    """As a service manager does."""
    deadline = time.monotonic() + 150
    while any(run.state not in ENDED for run in runs) and time.monotonic() < deadline:
        if not (world.workers and world.workers[-1].alive):
            world.worker(failpoint=failpoint)
        time.sleep(0.1)


@pytest.mark.slow_fault
def test_500_tasks_with_one_that_reads_all_survive_a_killed_worker(world: World) -> None:
    keys = tuple(f"t{number}" for number in range(499))
    world.script(latency_s=0.2)
    doomed = world.worker(failpoint="after_settle:kill:250")
    run = world.team().launch(crew(*(task(key) for key in keys), task("last", after=keys)))
    assert doomed.wait(timeout_s=100) == KILLED
    kept = run.calls().count("ok")
    world.worker()
    assert_honest([run], timeout_s=200)
    assert run.state == "succeeded"
    assert set(run.tasks().values()) == {"succeeded"}
    assert kept > 100
    assert len(run.billed) == 500 + run.calls().count("unknown")
