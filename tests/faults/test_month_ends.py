"""A month ends while two workers write, one of them dies in it, and an owner closes it as soon as that may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.people import Team
from tests.faults.processes import until
from tests.faults.world import World, Worlds
from tests.runs.clock import PATH, install, set_clock

BEGUN = timedelta(minutes=20)
BEFORE = timedelta(seconds=4)
DEFAULTS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_default LIKE '%statement_timestamp()%'
"""
"""Columns whose default names PostgreSQL's own clock, whatever the search path says."""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
HOLDERS = "SELECT count(DISTINCT lease_owner) FROM runs_run WHERE state = 'running' AND lease_until IS NOT NULL"
RUNS = 8
AT_ONCE = 5
"""Of one worker: less than all, so that both have some."""


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A world of its own, whose clock is moved: processes that are started from here on live by it."""
    world = worlds.other()
    install(world.execute)
    world.execute(f"ALTER DATABASE {world.name} SET search_path = {PATH}")
    world.execute(f"SET search_path = {PATH}")
    for table, column in world.rows(DEFAULTS):
        world.execute(f'ALTER TABLE public."{table}" ALTER "{column}" SET DEFAULT clock.statement_timestamp()')
    world.execute("UPDATE runs_pricequote SET begins_at = '2020-01-01' WHERE team_id IS NOT NULL")
    world.web.kill()
    return world


@pytest.mark.slow_fault
def test_two_workers_write_while_their_month_ends_and_is_closed(world: World) -> None:
    midnight = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    set_clock(world.execute, midnight - BEGUN)
    world.start_web()
    workers = [world.worker(environment={"WORKER_CONCURRENCY": str(AT_ONCE)}) for _ in range(2)]
    team = world.team()
    world.script(latency_s=0.4)
    runs = team.launch_many(chain(*(f"t{number}" for number in range(40))), RUNS)
    until(lambda: len(world.billed()) >= RUNS, timeout_s=120, what=world.last_words)
    until(lambda: world.rows(HOLDERS) == [(2,)], timeout_s=60, what="only one worker has runs")
    set_clock(world.execute, midnight - BEFORE)  # leases seem to have run out then, so some runs change hands
    month = f"{midnight - BEFORE:%Y-%m}"
    closed, refused = close_as_soon_as_possible(team, month, workers[1].kill)
    assert {"month_not_over", "open_calls"} <= refused
    document = bytes_of(team, month)
    assert_honest(runs, timeout_s=200)
    months = world.rows("SELECT billed_month, count(*) FROM runs_call GROUP BY 1 ORDER BY 1")
    assert len(months) == 2, "the month ended while they worked"
    assert bytes_of(team, month) == document
    ((spent,),) = world.rows("SELECT spent_nusd FROM runs_bill WHERE closed_at IS NOT NULL")
    assert closed["total_usd"] == f"{spent / 10**9:.9f}".rstrip("0")
    assert team.ask("POST", f"/bills/{month}/close").status_code == 409
    assert world.rows(DEADLOCKS) == [(0,)], world.last_words()


def close_as_soon_as_possible(
    team: Team, month: str, on_open_calls: Callable[[], object]
) -> tuple[dict[str, str], set[str]]:
    """The closed bill and the codes of all refusals before. The first time that calls are open, something is done."""
    refused: set[str] = set()
    last_try = time.monotonic() + 120
    while (answer := team.ask("POST", f"/bills/{month}/close")).status_code != 201:
        assert time.monotonic() < last_try, answer.text
        code = answer.json()["error"]["code"]
        if code == "open_calls" and code not in refused:
            on_open_calls()
        refused.add(code)
        time.sleep(0.05)
    return answer.json(), refused


def bytes_of(team: Team, month: str) -> bytes:
    answer = team.ask("GET", f"/bills/{month}/document")
    assert answer.status_code == 200, answer.text
    return answer.content
