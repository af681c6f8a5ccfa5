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

pytestmark = pytest.mark.slow_fault
DEAD_S = 60

WorldOn = Callable[[str], World]


@pytest.fixture
def world_on(worlds: Worlds) -> Iterator[WorldOn]:
    """A world on the broker of that address."""
    yield lambda url: worlds.other(broker_url=url, constants=PATIENT)
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


def test_redis_forgets_500_queued_runs_and_each_is_run_once(redis: Redis, world_on: WorldOn) -> None:
    world = world_on(redis.url)
    runs = world.team().launch_many(chain("a"), 500)
    assert redis.flush() == 500
    world.worker()
    world.worker()
    _assert_each_ran_once(runs)


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
    states = [state for run in runs for state in run.calls()]
    assert set(states) == {"ok"}
    assert sum(len(run.billed) for run in runs) == len(states)
