"""What a process has one of: threads that come together at its first use get the same one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runs.worker.one_per_process import one_per_process

THREADS = 8


def test_threads_that_come_together_get_the_same_one() -> None:
    made: list[object] = []

    @one_per_process
    def thing() -> object:
        threading.Event().wait(0.05)  # as starting threads takes a moment, in which the others come
        made.append(object())
        return made[-1]

    together = threading.Barrier(THREADS)

    def use() -> object:
        together.wait()
        return thing()

    with ThreadPoolExecutor(THREADS) as pool:
        used = list(pool.map(lambda _: use(), range(THREADS)))

    assert len(made) == 1
    assert all(one is made[0] for one in used)
    assert thing() is made[0]


def test_one_that_could_not_be_made_is_made_at_the_next_use() -> None:
    outcomes: list[Exception | str] = [OSError("not yet"), "made"]

    @one_per_process
    def thing() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(OSError, match="not yet"):
        thing()
    assert thing() == thing() == "made"
