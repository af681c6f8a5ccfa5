"""A test that stands still says where: after five minutes the stacks of all threads are written, and it goes on.

pytest's own ``faulthandler_timeout`` reads frames of threads while they run, so that it can crash a process whose test
only takes long (CPython's issue 116008), as hundreds of hostile or random examples do. Here a thread reads them that
has the interpreter's lock.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import TextIO

import pytest

AFTER_S = 300
console = pytest.StashKey[TextIO]()


def pytest_configure(config: pytest.Config) -> None:
    """Standard error as it is before tests are captured."""
    config.stash[console] = os.fdopen(os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2), "w")


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[console].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    timer = threading.Timer(AFTER_S, write_stacks, (item.nodeid, item.config.stash[console]))
    timer.daemon = True
    timer.start()
    try:
        return (yield)
    finally:
        timer.cancel()


def write_stacks(test: str, file: TextIO) -> None:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    lines = [f"\n{test} has gone on for {AFTER_S} s. It is here:\n"]
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            lines += [f"\nThread {names.get(ident, ident)}:\n", *traceback.format_stack(frame)]
    file.write("".join(lines))
    file.flush()
