"""Where a process of the fault tests dies, as its environment says; production code knows nothing of it.

``FAILPOINT=after_reply:kill:2:some text``: at the second time that it comes by there, the process kills itself; with a
text, only passes whose arguments or run mention it are counted. ``block-30`` blocks the thread for 30 s, ``hog-30``
does so and keeps the interpreter's lock. ``FAULT_CONSTANTS`` are times to use in place of the product's,
``FENCING=off`` takes leases and epochs out of it (``tests.faults.fencing``).
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import os
import pkgutil
import signal
import threading
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import AppConfig

import runs

POINTS = {
    "after_open": ("runs.ledger.journal", "LedgerJournal._until_opened", "after"),
    "after_intent": ("runs.ledger.journal", "LedgerJournal.open_call", "after"),
    "after_reply": ("runs.ledger.journal", "LedgerJournal.settle_call", "before"),
    "after_settle": ("runs.ledger.journal", "LedgerJournal.settle_call", "after"),
    "before_task_end": ("runs.ledger.journal", "LedgerJournal.task_ended", "before"),
    "before_run_end": ("runs.ledger.transitions", "end", "before"),
    "in_launch": ("runs.feeding.new_runs", "queue", "after"),
    "after_feeding": ("runs.feeding.feed", "feed_batch", "after"),
    "before_ring": ("runs.worker.bell", "ring", "before"),
    "in_stream": ("runs.live.hub", "Hub.watch", "before"),
    "in_tool": ("engine.tools.calculator", "Calculator.run", "before"),
}
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def block_the_loop(seconds: int) -> None:
    time.sleep(seconds)


def keep_the_interpreters_lock(seconds: int) -> None:
    ctypes.PyDLL(None).sleep(seconds)


BLOCKS = {"block": block_the_loop, "hog": keep_the_interpreters_lock}


class Failpoints(AppConfig):
    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        from tests.faults import fencing

        for line in filter(None, os.environ.get("FAULT_CONSTANTS", "").split(",")):
            set_constant(*line.split("="))
        if os.environ.get("FENCING") == "off":
            fencing.turn_off()
        if os.environ.get("FAILPOINT"):
            install(os.environ["FAILPOINT"])


def set_constant(name: str, value: str) -> None:
    """``LEASE_S`` to a number, wherever ``runs`` reads it. One that is gone is an error: nothing would be tested."""
    holders = [module for module in modules_of_runs() if hasattr(module, name)]
    assert holders, f"There is no {name} in runs any more."
    for holder in holders:
        setattr(holder, name, type(getattr(holder, name))(float(value)))


@functools.cache
def modules_of_runs() -> list[ModuleType]:
    names = [module.name for module in pkgutil.walk_packages(runs.__path__, "runs.")]
    return [import_module(each) for each in names if ".migrations" not in each and ".management" not in each]


def install(text: str) -> None:
    """Wraps the point's function."""
    point, action, *rest = text.split(":", 3)
    trap = Trap(action, int(rest[0]) if rest else 1, rest[1] if len(rest) > 1 else "")
    module, path, when = POINTS[point]
    holder: Any = import_module(module)
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner)
    setattr(holder, name, _wrapped(getattr(holder, name), trap, when))


class Trap:
    """Springs at the ``number``-th pass whose arguments or result mention ``text``."""

    def __init__(self, action: str, number: int, text: str) -> None:
        self._action, self._left, self._text = action, number, text
        self._lock = threading.Lock()

    def passed(self, *seen: object) -> None:
        if self._text and self._text not in " ".join(map(_described, seen)):
            return
        with self._lock:
            self._left -= 1
            if self._left != 0:
                return
        if self._action == "raise":
            raise RuntimeError("made to fail")
        how, _, seconds = self._action.partition("-")
        if how in BLOCKS:
            BLOCKS[how](int(seconds))
            return
        os.kill(os.getpid(), SIGNALS[self._action])


def _wrapped(function: Callable[..., Any], trap: Trap, when: str) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                trap.passed(args, kwargs)
            result = await function(*args, **kwargs)
            if when == "after":
                trap.passed(args, kwargs, result)
            return result
    else:

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                trap.passed(args, kwargs)
            result = function(*args, **kwargs)
            if when == "after":
                trap.passed(args, kwargs, result)
            return result

    return wrapped


def _described(seen: object) -> str:
    """What it says of itself; a run also its inputs."""
    parts = seen if isinstance(seen, tuple) else (seen,)
    return " ".join(f"{part!r} {getattr(part, 'inputs', '')}" for part in parts)
