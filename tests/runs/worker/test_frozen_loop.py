"""A worker whose event loop stands still: no lease is extended and no run claimed, and others may take over at once."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from runs.models import Run, WorkerSeen
from runs.states import RunState
from runs.telemetry import port, watchdog
from runs.worker import claim, keeper
from runs.worker.process import WorkerProcess
from tests.application import free_port
from tests.cast import Cast
from tests.runs.workers import claim_and_execute, execute, launched, task

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 30


class Frozen:
    """A worker whose loop stands still until ``thaw``; ``ended``: it would have ended its process."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._thawed = threading.Event()
        self.worker = WorkerProcess(end_process=self.ended.set)

    def freeze(self) -> None:
        self.worker.loop.call_soon_threadsafe(self._thawed.wait, PATIENCE_S)

    def thaw(self) -> None:
        self._thawed.set()


@pytest.fixture
def ends_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "FROZEN_S", 1.0)


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Frozen]:
    monkeypatch.setattr(watchdog, "STUCK_S", 0.5)
    monkeypatch.setattr(keeper, "BEAT_EVERY_S", 0.1)
    monkeypatch.setattr(keeper, "LOOK_FOR_CANCEL_EVERY_S", 0.05)
    frozen = Frozen()
    yield frozen
    frozen.thaw()
    frozen.worker.stop(grace_s=0)


def until(look: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def hold(run: Run, worker: WorkerProcess) -> None:
    assert worker.hold(lambda: claim.claim(run.pk, owner=worker.name)) is not None


def lease(run: Run) -> Any:
    return Run.objects.values_list("lease_until", flat=True).get(pk=run.pk)


def test_no_lease_is_extended_while_the_loop_stands_still_and_it_is_again_afterwards(
    cast: Cast, frozen: Frozen
) -> None:
    run = launched(cast.runner, task("a"))
    hold(run, frozen.worker)
    first = lease(run)
    until(lambda: lease(run) > first)
    frozen.freeze()
    until(lambda: frozen.worker.watchdog.is_stuck)
    time.sleep(0.3)  # a beat that had begun may end
    last = lease(run)
    time.sleep(1)  # ten beats
    assert lease(run) == last
    frozen.thaw()
    until(lambda: lease(run) > last)
    assert not frozen.ended.is_set()


def test_the_last_beat_is_not_from_before_the_standstill(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a loop that moves again in time finds its runs too long without a beat."""
    monkeypatch.setattr(keeper, "BEAT_EVERY_S", 1000.0)
    monkeypatch.setattr(keeper, "LATE_BEAT_S", 0.5)
    monkeypatch.setattr(keeper, "LOOK_FOR_CANCEL_EVERY_S", 0.05)
    frozen = Frozen()
    run = launched(cast.runner, task("a"))
    hold(run, frozen.worker)
    (held,) = frozen.worker.held
    first, beaten_at = lease(run), held.beaten_at
    frozen.freeze()
    until(lambda: lease(run) > first and held.beaten_at > beaten_at)
    frozen.thaw()
    frozen.worker.stop(grace_s=0)


def test_a_worker_whose_loop_stands_still_claims_nothing(cast: Cast, frozen: Frozen) -> None:
    run = launched(cast.runner, task("a"))
    frozen.freeze()
    until(lambda: frozen.worker.watchdog.is_stuck)
    claim_and_execute(run, frozen.worker)
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
    frozen.thaw()
    until(lambda: not frozen.worker.watchdog.is_stuck)
    assert execute(run, frozen.worker).state == RunState.SUCCEEDED


def test_what_it_held_is_anothers_at_once_and_counts_as_lost(
    cast: Cast, ends_after_a_second: None, frozen: Frozen
) -> None:
    run = launched(cast.runner, task("a"))
    hold(run, frozen.worker)
    (held,) = frozen.worker.held
    frozen.freeze()
    assert frozen.ended.wait(PATIENCE_S)
    assert lease(run) < timezone.now()
    assert held.why == "lost"
    other = WorkerProcess()
    try:
        assert execute(run, other).state == RunState.SUCCEEDED
    finally:
        other.stop(grace_s=0)
    assert (run.takeovers, run.lease_epoch) == (1, 2)
    frozen.worker.let_go(held)


def test_a_run_that_freezes_its_workers_becomes_a_suspect(cast: Cast) -> None:
    run = launched(cast.runner, task("a"))
    for number in range(3):
        claimed = claim.claim(run.pk, owner=f"host:{number}")
        assert claimed is not None
        assert claimed.fruitless_takeovers == number
        claim.expire([(claimed.pk, claimed.lease_epoch)])


def test_a_lease_that_is_anothers_is_not_given_up(cast: Cast) -> None:
    run = launched(cast.runner, task("a"))
    claim.claim(run.pk, owner="host:1")
    claim.expire([(run.pk, 1)])
    claim.claim(run.pk, owner="host:2")
    before = lease(run)
    claim.expire([(run.pk, 1)])
    assert lease(run) == before


def test_its_presence_and_its_port_say_that_it_stands_still(cast: Cast, frozen: Frozen, settings: Any) -> None:
    settings.METRICS_PORT = free_port()
    port.serve(frozen.worker.readiness)
    frozen.worker.presence.begin()
    until(lambda: WorkerSeen.objects.filter(still_s__lt=0.5).exists())
    assert asked(settings.METRICS_PORT, "/health/live") == (200, {"live": True})
    assert asked(settings.METRICS_PORT, "/health/ready")[0] == 200
    frozen.freeze()
    until(lambda: WorkerSeen.objects.filter(still_s__gt=0.5).exists())
    assert asked(settings.METRICS_PORT, "/health/live") == (503, {"live": False})
    status, state = asked(settings.METRICS_PORT, "/health/ready")
    assert (status, state["ready"]) == (503, False)
    (check,) = [check for check in state["checks"] if not check["ok"]]
    assert check["name"] == "event_loop"
    assert "has not moved for" in check["why"]
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.METRICS_PORT}/metrics") as answer:
        assert b"crewsite_loop_lag_seconds_bucket" in answer.read()


def test_a_worker_that_is_stopping_is_alive_and_not_ready(cast: Cast) -> None:
    worker = WorkerProcess()
    assert worker.readiness()["ready"]
    worker.stop(grace_s=0)
    assert [check["name"] for check in worker.readiness()["checks"] if not check["ok"]] == ["stopping"]


def asked(number: int, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{number}{path}") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
