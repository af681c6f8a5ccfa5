"""An event loop that is late is said to be, with where it stands; a process whose loop stands still is ended."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from runs.ledger.lease import LEASE_S, MAX_SILENCE_S
from runs.telemetry import watchdog
from runs.telemetry.watchdog import Watchdog
from tests.application import ROOT

PATIENCE_S = 30
"""What a busy machine may take."""
MOST_CALLS = 14


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"LOOK_EVERY_S": 0.02, "LATE_S": 0.2, "STUCK_S": 0.5, "FROZEN_S": 1.0}
    for name, value in times.items():
        monkeypatch.setattr(watchdog, name, value)


class Ended:
    """What was done to end a process, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.over = threading.Event()

    def give_up(self) -> None:
        self.steps.append("gave up")

    def end(self) -> None:
        self.steps.append("ended")
        self.over.set()


def until(look: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def hold_up_the_loop(release: threading.Event, secret: str = "sk-not-to-be-logged") -> None:
    release.wait(PATIENCE_S)


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == watchdog.__name__]


def test_it_gives_up_before_another_worker_may_take_over() -> None:
    assert watchdog.STUCK_S < watchdog.FROZEN_S <= MAX_SILENCE_S < LEASE_S


def test_a_loop_that_is_late_is_said_to_be_with_where_it_stands_and_nothing_else_happens(
    loop: asyncio.AbstractEventLoop, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "STUCK_S", PATIENCE_S)
    monkeypatch.setattr(watchdog, "FROZEN_S", PATIENCE_S)
    ended, release = Ended(), threading.Event()
    dog = Watchdog(loop, give_up=ended.give_up, end_process=ended.end)
    until(lambda: dog.still_s < 0.1 and dog._loop_thread)
    before = REGISTRY.get_sample_value("crewsite_loop_lag_seconds_count") or 0
    loop.call_soon_threadsafe(hold_up_the_loop, release)
    until(lambda: lines(caplog))
    assert not dog.is_stuck
    release.set()
    until(lambda: len(lines(caplog)) == 2)
    dog.end()
    stands, moves = lines(caplog)
    assert stands.getMessage().startswith("The event loop has stood still for 0.")
    stack = "\n".join(stands.stack)  # type: ignore[attr-defined]
    assert "in wait: " in stack
    assert "in hold_up_the_loop: release.wait(PATIENCE_S)" in stack
    assert "sk-not-to-be-logged" not in stack
    assert "moves again" in moves.getMessage()
    assert ended.steps == []
    assert (REGISTRY.get_sample_value("crewsite_loop_lag_seconds_count") or 0) > before


def test_a_loop_that_stands_still_ends_the_process_once_it_has_given_up_what_it_holds(
    loop: asyncio.AbstractEventLoop, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    ended, release = Ended(), threading.Event()
    dog = Watchdog(loop, give_up=ended.give_up, end_process=ended.end)
    loop.call_soon_threadsafe(hold_up_the_loop, release)
    assert ended.over.wait(PATIENCE_S)
    assert dog.is_stuck
    release.set()
    assert ended.steps == ["gave up", "ended"]
    assert "gives up what it holds and ends" in lines(caplog)[-1].getMessage()


def test_a_loop_that_stands_still_before_it_has_moved_once_is_said_to_be_with_where_it_stands(
    loop: asyncio.AbstractEventLoop, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The first request of a web process makes the watchdog, and may be the one that blocks."""
    ended, release = Ended(), threading.Event()

    def first_request() -> None:
        Watchdog(loop, give_up=ended.give_up, end_process=ended.end)
        hold_up_the_loop(release)

    loop.call_soon_threadsafe(first_request)
    assert ended.over.wait(PATIENCE_S)
    release.set()
    assert "in hold_up_the_loop: " in "\n".join(lines(caplog)[-1].stack)  # type: ignore[attr-defined]


def test_it_ends_the_process_though_the_log_and_the_giving_up_hang(
    loop: asyncio.AbstractEventLoop, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's thread may hold the lock of the log, or the database may be away."""
    monkeypatch.setattr(watchdog, "TELL_WITHIN_S", 0.1)
    monkeypatch.setattr(watchdog, "GIVE_UP_WITHIN_S", 0.1)
    ended, release = Ended(), threading.Event()

    class Hanging(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            release.wait(PATIENCE_S)

    log, handler = logging.getLogger(watchdog.__name__), Hanging()
    log.addHandler(handler)
    try:
        Watchdog(loop, give_up=lambda: hold_up_the_loop(release), end_process=ended.end)
        loop.call_soon_threadsafe(hold_up_the_loop, release)
        assert ended.over.wait(PATIENCE_S)
    finally:
        release.set()
        log.removeHandler(handler)


def test_a_loop_that_was_closed_is_watched_no_longer(quick: None) -> None:
    loop, ended = asyncio.new_event_loop(), Ended()
    loop.close()
    dog = Watchdog(loop, give_up=ended.give_up, end_process=ended.end)
    until(lambda: not dog._thread.is_alive())
    assert ended.steps == []


KEEPS_THE_LOCK = """
import asyncio, ctypes, django
django.setup()
from runs.telemetry import watchdog
watchdog.INTERPRETER_FROZEN_S, watchdog.ARM_EVERY_S = 2, 0.2

async def main():
    watchdog.Watchdog(asyncio.get_running_loop()).arm()
    await asyncio.sleep(1)
    keep_the_interpreters_lock()

def keep_the_interpreters_lock():
    ctypes.PyDLL(None).sleep(60)

asyncio.run(main())
"""


def test_c_code_that_keeps_the_interpreters_lock_ends_the_process_too_and_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEEPS_THE_LOCK],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "in keep_the_interpreters_lock" in done.stderr


STANDS_STILL = """
import asyncio, time, django
django.setup()
from runs.telemetry import watchdog
watchdog.LATE_S, watchdog.STUCK_S, watchdog.FROZEN_S = 0.2, 0.5, 1

async def main():
    watchdog.Watchdog(asyncio.get_running_loop())
    await asyncio.sleep(1)
    stand_still()

def stand_still():
    time.sleep(60)

asyncio.run(main())
"""


def test_a_process_whose_loop_stands_still_ends_with_a_code_that_says_so() -> None:
    environment = dict(os.environ) | {"LOG_FORMAT": "json"}
    done = subprocess.run(
        [sys.executable, "-c", STANDS_STILL],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == os.EX_SOFTWARE, done.stderr
    assert "in stand_still" in done.stderr
    assert "gives up what it holds and ends" in done.stderr


KEEPS_THE_LOCK_AGAIN_AND_AGAIN = """
import asyncio, ctypes, os, django
django.setup()
from runs.telemetry import watchdog
watchdog.LATE_S, watchdog.STUCK_S, watchdog.FROZEN_S, watchdog.LAST_LOOKS_S = 0.2, 0.5, 1, 0.5

async def main():
    watchdog.Watchdog(asyncio.get_running_loop())
    await asyncio.sleep(1)
    for _ in range(60):
        os.write(1, b"one call\\n")
        ctypes.PyDLL(None).usleep(700_000)

asyncio.run(main())
"""


def test_c_code_that_lets_go_of_the_lock_now_and_then_does_not_put_off_the_end_by_all_last_looks() -> None:
    """A pattern over megabytes does so. Each look of the watchdog, and each thread that it starts, waits for a call."""
    done = subprocess.run(
        [sys.executable, "-c", KEEPS_THE_LOCK_AGAIN_AND_AGAIN],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == os.EX_SOFTWARE, done.stderr
    assert done.stdout.count("one call") < MOST_CALLS
