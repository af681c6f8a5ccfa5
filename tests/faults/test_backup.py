"""A copy of the database that was taken under traffic is whole: what was under way in it goes on from there."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

import psycopg
import pytest

from crewsite.local.postgres_account import installed_binaries
from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.people import Run, wait_for
from tests.faults.processes import until
from tests.faults.world import Template, Worlds


class Restored(Template):
    """A database that was restored, to make a world of."""

    def __init__(self, url: str, like: Template) -> None:
        self.url, self.teams, self.provider_port = url, like.teams, like.provider_port

    def copy(self, name: str) -> str:
        return self.url


@pytest.mark.slow_fault
def test_a_backup_under_traffic_restores_to_runs_that_go_on(
    worlds: Worlds, template: Template, fault_folder: Path
) -> None:
    world = worlds.other()
    world.script(latency_s=0.3)
    world.worker()
    world.worker()
    runs = world.team().launch_many(chain("a", "b", "c"), 30)
    until(lambda: len(world.billed()) > 30, timeout_s=60, what=world.last_words)
    backup = fault_folder / "backup"
    _run("pg_dump", "--format=custom", f"--file={backup}", world.database_url)
    assert_honest(runs)

    restored = Restored(_empty_database(template.url), template)
    _run("pg_restore", "--no-owner", f"--dbname={restored.url}", str(backup))
    world = worlds.other(template=restored)
    world.manage("check_invariants")
    again = [Run(world, run.id, run.tag) for run in runs]
    under_way = sum(run.state in ("queued", "running") for run in again)
    world.let_leases_run_out()
    world.worker()
    wait_for(again)
    world.manage("check_invariants")
    assert under_way > 0
    assert {run.state for run in again} == {"succeeded"}
    assert {state for run in again for state in run.sent} <= {"ok", "unknown"}
    worlds.close()


def _empty_database(url: str) -> str:
    server, name = url.rpartition("/")[0], f"restored_{secrets.token_hex(4)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return f"{server}/{name}"


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(installed_binaries() / program), *arguments],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
