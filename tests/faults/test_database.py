"""PostgreSQL crashes, and connections that are lost in mid transaction or after COMMIT was sent: what was committed is
neither lost nor done twice, and the run goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.crews import chain
from tests.faults.database import Server, Wire
from tests.faults.honest import assert_honest
from tests.faults.processes import until
from tests.faults.world import PATIENT, Template, World, Worlds

COMMITS = 12
"""A run of one task takes so many transactions, or a few less."""


def test_postgresql_that_crashes_under_20_runs_loses_nothing_that_was_committed(
    worlds: Worlds, database_server: Server
) -> None:
    world = worlds.other(constants={"LEASE_S": 10, "BEAT_EVERY_S": 2, "MAX_SILENCE_S": 8})
    world.script(latency_s=0.4)
    worker = world.worker()
    runs = world.team().launch_many(chain("a", "b", "c"), 20)
    until(lambda: len(world.billed()) > 25, timeout_s=60, what="no calls")
    database_server.crash()
    time.sleep(1)
    database_server.start()
    assert_honest(runs, timeout_s=60)
    assert worker.alive
    assert {run.state for run in runs} == {"succeeded"}, [run.get("error_code, error") for run in runs]
    sent = [state for run in runs for state in run.sent]
    assert sent == ["ok"] * 60, [run.calls("state, error_code, error") for run in runs if set(run.sent) != {"ok"}]


def test_postgresql_that_crashes_under_20_calls_in_flight_lets_nobody_make_them_again(
    worlds: Worlds, database_server: Server
) -> None:
    world = worlds.other(constants=PATIENT)
    world.script({"has": "/a>>", "hold": True})
    for _ in range(2):
        world.worker()
    team = world.team()
    another = team.design(chain("another"))
    runs = team.launch_many(chain("a", "b", "c"), 20)
    team.wait_until_in_flight("a", runs)
    database_server.crash()
    database_server.start()
    team.assert_nobody_repeats("a", runs, another=another)
    world.release()
    assert_honest(runs)
    assert {(run.state, *run.sent) for run in runs} == {("succeeded", "ok", "ok", "ok")}
    assert sum(len(run.billed) for run in runs) == 60


@pytest.fixture(scope="module")
def wire(template: Template) -> Iterator[Wire]:
    wire = Wire(template.url)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def wired_world(worlds: Worlds, wire: Wire) -> Iterator[World]:
    """A world whose processes reach the database by the wire."""

    def way(url: str) -> str:
        return f"{wire.url.rpartition('/')[0]}/{url.rpartition('/')[2]}"

    yield worlds.other(way=way)
    worlds.close()


@pytest.mark.parametrize(
    "side",
    [
        pytest.param("before", id="in mid transaction", marks=pytest.mark.slow_fault),
        pytest.param("after", id="after COMMIT was sent"),
    ],
)
def test_a_connection_that_is_lost_at_any_commit_of_a_run_changes_nothing(
    wired_world: World, wire: Wire, side: str
) -> None:
    """One run for each: its first commit, its second and so on, whoever sent it."""
    worker = wired_world.shared_worker()
    team = wired_world.team()
    slug, runs, cuts = team.design(chain("a")), [], 0
    first = team.launch(slug)  # connections are made
    assert_honest([first])
    for number in range(1, COMMITS + 1):
        wire.cut(side, number=number)
        runs.append(team.launch_surely(slug, key=f"{side}-{number}"))
        assert_honest(runs[-1:])
        cuts += wire.cuts
        wire.mend()
    assert cuts > 5
    assert worker.alive
    assert [(run.state, *run.sent) for run in runs] == [("succeeded", "ok")] * COMMITS, worker.last_words
