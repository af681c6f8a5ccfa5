"""Brokers that forget, die and come back empty: Celery is a doorbell, so nothing is lost but time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.brokers import RabbitMQ, Redis
from tests.faults.crews import chain
from tests.faults.honest import assert_honest
from tests.faults.nursery import Nursery
from tests.faults.people import Run
from tests.faults.world import PATIENT, World, Worlds

DEAD_S = 60
NEVER_RUNG_AGAIN = PATIENT | {"RING_AGAIN_AFTER_S": 3600}

WorldOn = Callable[..., World]


@pytest.fixture
def world_on(worlds: Worlds) -> Iterator[WorldOn]:
    """A world on the broker of that address."""
    yield lambda url, constants=PATIENT: worlds.other(broker_url=url, constants=constants)
    worlds.close()


@pytest.fixture
def redis(nursery: Nursery, fault_folder: Path) -> Iterator[Redis]:
    if Redis.missing:
        pytest.skip(Redis.missing)
    redis = Redis(nursery, fault_folder)
    redis.start()
    yield redis
    redis.kill()


@pytest.fixture
def rabbitmq(nursery: Nursery, fault_folder: Path) -> Iterator[RabbitMQ]:
    if RabbitMQ.missing:
        pytest.skip(RabbitMQ.missing)
    rabbitmq = RabbitMQ(nursery, fault_folder)
    rabbitmq.start()
    yield rabbitmq
    rabbitmq.close()


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_a_launch_rings_for_a_worker_through_the_broker(
    broker: str, request: pytest.FixtureRequest, world_on: WorldOn
) -> None:
    """No sweeper rings again here, so what runs was rung for."""
    world = world_on(request.getfixturevalue(broker).url, NEVER_RUNG_AGAIN)
    world.worker()
    _assert_each_ran_once(world.team().launch_many(chain("a", "b"), 3))


def test_runs_that_no_message_tells_of_are_found_by_a_worker_with_room(redis: Redis, world_on: WorldOn) -> None:
    """The broker is away for good, as where its messages lie with a worker that has no room: the database tells."""
    world = world_on(redis.url)
    world.worker()
    team = world.team()
    before = team.launch_many(chain("a"), 1)
    assert_honest(before, timeout_s=60)
    redis.kill()
    _assert_each_ran_once(team.launch_many(chain("a", "b"), 5))


@pytest.mark.slow_fault
def test_redis_forgets_500_queued_runs_and_each_is_run_once(redis: Redis, world_on: WorldOn) -> None:
    world = world_on(redis.url)
    runs = world.team().launch_many(chain("a"), 500)
    assert redis.flush() == 500
    world.worker()
    world.worker()
    _assert_each_ran_once(runs)


@pytest.mark.slow_fault
def test_redis_dead_for_60_s_and_back_empty_loses_no_run(redis: Redis, world_on: WorldOn) -> None:
    world = world_on(redis.url)
    world.script(latency_s=0.5)
    world.worker()
    world.worker()
    team = world.team()
    before = team.launch_many(chain("a", "b", "c"), 20)
    redis.kill()
    began = time.monotonic()
    during = team.launch_many(chain("a"), 10)
    time.sleep(max(0.0, DEAD_S - (time.monotonic() - began)))
    redis.start()
    after = team.launch_many(chain("a"), 10)
    _assert_each_ran_once([*before, *during, *after])


@pytest.mark.slow_fault
def test_rabbitmq_killed_and_started_again_loses_no_run(rabbitmq: RabbitMQ, world_on: WorldOn) -> None:
    world = world_on(rabbitmq.url)
    world.script(latency_s=0.5)
    world.worker()
    world.worker()
    team = world.team()
    before = team.launch_many(chain("a", "b", "c"), 20)
    rabbitmq.restart()
    after = team.launch_many(chain("a"), 10)
    _assert_each_ran_once([*before, *after])


def _assert_each_ran_once(runs: list[Run]) -> None:
    assert_honest(runs, timeout_s=120)
    assert {run.state for run in runs} == {"succeeded"}
    states = [state for run in runs for state in run.sent]
    assert set(states) == {"ok"}
    assert sum(len(run.billed) for run in runs) == len(states)
