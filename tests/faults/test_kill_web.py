"""The web process dies while it launches, and the same launch is asked for many times: one key is one run, or none."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.people import Run
from tests.faults.world import World

KILLED = -9


def test_20_identical_posts_at_once_are_one_run(world: World) -> None:
    world.shared_worker()
    team = world.team()
    slug, key = team.design(chain("a")), secrets.token_hex(8)

    def post(_: int) -> httpx.Response:
        return team.ask("POST", f"/crews/{slug}/runs", key=key, json={"inputs": {"tag": key}})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    (run_id,) = {answer.json()["id"] for answer in answers}
    assert_honest([Run(world, run_id, key)])
    assert world.rows("SELECT count(*) FROM runs_run WHERE team_id = %s", team.id) == [(1,)]
    other = team.ask("POST", f"/crews/{slug}/runs", key=key, json={"inputs": {"tag": "another"}})
    assert other.status_code == 409


@pytest.mark.parametrize(("point", "left"), [("in_launch", 0), ("before_ring", 1)], ids=["in it", "before it rings"])
def test_kill_9_of_the_web_during_a_launch_leaves_all_of_a_run_or_nothing(world: World, point: str, left: int) -> None:
    world.shared_worker()
    team = world.team()
    slug, key = team.design(chain("a")), secrets.token_hex(8)
    world.web.kill()
    world.start_web(failpoint=f"{point}:kill:1")
    with pytest.raises(httpx.TransportError):
        team.launch(slug, tag=key, key=key)
    assert world.web.wait(timeout_s=20) == KILLED
    assert world.rows("SELECT count(*) FROM runs_run WHERE team_id = %s", team.id) == [(left,)]
    world.start_web()
    run = team.launch(slug, tag=key, key=key)
    assert_honest([run])
    assert run.state == "succeeded"
    assert world.rows("SELECT count(*) FROM runs_run WHERE team_id = %s", team.id) == [(1,)]
    assert len(run.billed) == 1


@pytest.mark.slow_fault
def test_clients_that_repeat_their_launches_while_the_web_is_killed_get_each_run_once(world: World) -> None:
    world.shared_worker()
    team = world.team()
    slug = team.design(chain("a"))
    keys = [secrets.token_hex(8) for _ in range(60)]
    with ThreadPoolExecutor(6) as pool:
        launched = [pool.submit(team.launch_surely, slug, key=key) for key in keys]
        for number in (10, 25, 45):
            while sum(one.done() for one in launched) < number:
                time.sleep(0.01)
            world.web.kill()
            world.start_web()
        runs = [one.result() for one in launched]
    assert_honest(runs)
    assert world.rows("SELECT count(*) FROM runs_run WHERE team_id = %s", team.id) == [(60,)]
    assert {len(run.billed) for run in runs} == {1}
