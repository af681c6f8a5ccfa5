"""The child process: ``python -m engine.bounded.child DESCRIPTOR`` does what arrives on that socket until it closes.

It may die at any time, by its own limits or by its parent's hand, so it holds nothing that anybody needs.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from engine.bounded.frames import receive, send

MEMORY_BYTES = 400_000_000
"""Of addresses. Python and what checks schemas take 50 MB of them before any work."""
MAX_RESULT_BYTES = 8_000_000
NICENESS = 5
"""Below the process that waits for it: hostile work must not take the processor from others' work."""


def main(descriptor: int) -> None:
    _limit()
    with socket.socket(fileno=descriptor) as parent, suppress(EOFError, OSError):
        while True:
            call, seconds = receive(parent)
            job, args = json.loads(call)
            function = _function(job)
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, seconds)
            answer = _answer(function, args)
            signal.setitimer(signal.ITIMER_PROF, 0)
            send(parent, answer | {"spent_s": time.process_time() - began})


def _answer(function: Callable[..., Any], args: list[Any]) -> dict[str, Any]:
    try:
        value = function(*args)
        if len(json.dumps(value)) > MAX_RESULT_BYTES:
            return {"kind": "size"}
    except MemoryError:
        return {"kind": "memory"}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is told
        return {"kind": "mistake", "value": _place(error)}
    return {"kind": "result", "value": value}


def _function(job: str) -> Callable[..., Any]:
    module, name = job.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _place(error: Exception) -> str:
    """What was raised and where, without its text, which may quote what the work was about."""
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return "\n".join([type(error).__name__, *lines])


def _limit() -> None:
    for group_signal in (signal.SIGINT, signal.SIGTERM):  # sent to a whole group: the parent lets its work end first
        signal.signal(group_signal, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    os.nice(NICENESS)
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(ValueError, OSError):  # macOS knows the limit and does not keep it
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main(int(sys.argv[1]))
