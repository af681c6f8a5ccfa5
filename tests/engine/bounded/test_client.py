"""Functions in child processes: results come back, and what takes too much is stopped and replaced."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from typing import Any

import pytest

from engine import bounded
from engine.bounded import Effort
from engine.bounded.client import CHILDREN
from engine.errors import TooBusy, TooMuchWork

HERE = "tests.engine.bounded.hostile"


@pytest.mark.parametrize("value", [None, "ä\ud800\0", 1.5, [1, {"a": [True, None]}], "x" * 1_000_000])
def test_a_result_is_what_the_function_returned(value: Any) -> None:
    assert bounded.run_here(f"{HERE}:same", value) == value


@pytest.mark.parametrize(
    ("function", "args", "seconds", "why"),
    [
        ("spin", (), 0.3, "more than 0.3 s"),
        ("fill", (), 10, "too much memory"),
        ("long_text", (9_000_000,), 10, "makes more"),
        ("same", ("x" * 9_000_000,), 10, "at most 8 MB"),
        ("same", (["x" * 9_000_000],), 10, "at most 8 MB"),
    ],
)
def test_work_that_takes_too_much_is_stopped_and_the_next_goes_on(
    function: str, args: Any, seconds: float, why: str
) -> None:
    for _ in range(3):
        with pytest.raises(TooMuchWork, match=why):
            bounded.run_here(f"{HERE}:{function}", *args, seconds=seconds)
    assert bounded.run_here(f"{HERE}:same", "well") == "well"


def test_what_is_nested_too_deeply_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(TooMuchWork, match="nested"):
        bounded.run_here(f"{HERE}:same", value)


async def test_a_run_and_each_of_its_tasks_have_so_much_in_all() -> None:
    run = Effort(1.0)
    first, second = run.of_task(), run.of_task()
    first.seconds = 0.4
    with pytest.raises(TooMuchWork, match=r"The check takes more than 0.4 s"):
        await bounded.run(f"{HERE}:spin", what="The check", effort=first)
    with pytest.raises(TooMuchWork, match=r"such work of this task took 0.4 s in all"):
        await bounded.run(f"{HERE}:same", 1, effort=first)
    assert await bounded.run(f"{HERE}:same", 1, effort=second) == 1
    with pytest.raises(TooMuchWork, match=r"more than 0.6 s"):
        await bounded.run(f"{HERE}:spin", effort=second)
    with pytest.raises(TooMuchWork, match="such work of this run"):
        await bounded.run(f"{HERE}:same", 1, effort=run.of_task())


def test_waiting_is_no_processor_time() -> None:
    assert bounded.run_here(f"{HERE}:sleep", 0.5, seconds=0.2) == "slept"


def test_a_mistake_of_ours_is_raised_with_its_place_and_without_its_text() -> None:
    with pytest.raises(RuntimeError, match="ValueError") as raised:
        bounded.run_here(f"{HERE}:mistake", "the content")
    assert "hostile.py" in str(raised.value)
    assert "the content" not in str(raised.value)


def test_a_child_that_ends_by_itself_is_replaced() -> None:
    with pytest.raises(RuntimeError, match="code 3"):
        bounded.run_here(f"{HERE}:vanish")
    assert bounded.run_here(f"{HERE}:same", 1) == 1


def test_children_are_kept_and_know_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    kept = {bounded.run_here(f"{HERE}:process") for _ in range(20)}
    assert os.getpid() not in kept
    assert len(kept) <= CHILDREN
    for _ in range(CHILDREN):
        with pytest.raises(TooMuchWork):
            bounded.run_here(f"{HERE}:spin", seconds=0.1)
    assert "secret" not in json.dumps(bounded.run_here(f"{HERE}:environment"))


async def test_the_event_loop_goes_on_meanwhile() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(TooMuchWork):
        await bounded.run(f"{HERE}:spin", seconds=0.5)
    ticking.cancel()
    assert ticks >= 5


async def test_a_cancellation_stops_the_work_and_frees_its_place() -> None:
    works = [asyncio.create_task(bounded.run(f"{HERE}:sleep", 60.0, seconds=60)) for _ in range(6)]
    await asyncio.sleep(0.3)
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    assert await asyncio.wait_for(bounded.run(f"{HERE}:same", 1), 10) == 1


def test_many_threads_share_the_children() -> None:
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(bounded.run_here(f"{HERE}:same", n))) for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == list(range(40))


def test_a_child_that_is_lost_while_it_waits_costs_nobody_a_result() -> None:
    for _ in range(4):
        os.kill(bounded.run_here(f"{HERE}:process"), signal.SIGKILL)
        time.sleep(0.1)
        assert bounded.run_here(f"{HERE}:same", 1) == 1


def test_a_child_outlives_the_signal_by_which_a_whole_group_is_stopped() -> None:
    child = bounded.run_here(f"{HERE}:process")
    os.kill(child, signal.SIGTERM)
    time.sleep(0.2)
    assert _is_alive(child)


async def test_who_has_no_patience_left_is_told_so_and_who_has_is_served_in_turn() -> None:
    others = [asyncio.create_task(bounded.run(f"{HERE}:sleep", 1.0)) for _ in range(6)]
    await asyncio.sleep(0.2)
    with pytest.raises(TooBusy, match="The check has to wait"):
        await asyncio.to_thread(bounded.run_here, f"{HERE}:same", 1, what="The check", patience=bounded.Patience(0.3))
    with pytest.raises(TooBusy):
        bounded.run_here(f"{HERE}:same", 1, patience=bounded.Patience(-1))
    assert await asyncio.to_thread(bounded.run_here, f"{HERE}:same", 1) == 1
    assert await asyncio.gather(*others) == ["slept"] * 6


def test_children_end_with_their_parent() -> None:
    child = bounded.run_here(f"{HERE}:process")
    assert _is_alive(child)
    read, write = os.pipe()
    if (fork := os.fork()) == 0:
        os.write(write, str(bounded.run_here(f"{HERE}:process")).encode())
        os._exit(0)
    os.waitpid(fork, 0)
    grandchild = int(os.read(read, 100))
    assert grandchild != child
    until = time.monotonic() + 10
    while _is_alive(grandchild) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _is_alive(grandchild)
    assert _is_alive(child)


def _is_alive(process_id: int) -> bool:
    try:
        with open(f"/proc/{process_id}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
