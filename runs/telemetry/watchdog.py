"""Measures how late this process's event loop is, says what holds it up, and ends a process whose loop stands still.

A thread asks the loop four times a second to show that it moves. All that has to be done while the loop stands still is
done by that thread; what writes to the log or to the database may itself be held up, so it gets a thread of its own and
is waited for only so long.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from runs.telemetry import metrics

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
LATE_S = 1.0
"""A loop that is later than this is logged, with the stack of its thread."""
STUCK_S = 5.0
"""After so long the process is not ready, extends no lease and claims no run."""
FROZEN_S = 20.0
"""After so long the process gives up what it holds and ends: what it holds may soon be another's anyway."""
LAST_LOOKS = 8
"""A process that was stopped from outside finds its loop late by the whole stop. It has so many looks to move again."""
LAST_LOOKS_S = 2.0
"""Or so long: where C code keeps the interpreter's lock, seconds lie between two looks. There are at least two."""
INTERPRETER_FROZEN_S = 120.0
"""C code that keeps the interpreter's lock stops this thread too. So long after its last look the process is ended."""
ARM_EVERY_S = 5.0
TELL_WITHIN_S = 1.0
GIVE_UP_WITHIN_S = 5.0
EXIT_CODE = os.EX_SOFTWARE
MAX_FRAMES = 25
STANDARD_ERROR = 2


def end_process() -> None:
    """At once: whatever would be tidied up might wait for the loop."""
    os._exit(EXIT_CODE)


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one watchdog, in seconds: those that hold when it is made."""

    look_every: float = field(default_factory=lambda: LOOK_EVERY_S)
    late: float = field(default_factory=lambda: LATE_S)
    stuck: float = field(default_factory=lambda: STUCK_S)
    frozen: float = field(default_factory=lambda: FROZEN_S)


class Watchdog:
    """Watches one loop from its own thread until ``end``, or until the loop is closed.

    ``give_up`` is called, on a further thread, before the process is ended.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        give_up: Callable[[], None] = lambda: None,
        end_process: Callable[[], None] = end_process,
    ) -> None:
        self._loop = loop
        self._give_up = give_up
        self._end_process = end_process
        # Made on the loop, it knows the loop's thread at once: the loop may stand still before it has moved once.
        self._loop_thread = threading.get_ident() if _runs_here(loop) else None
        self._moved = threading.Event()
        self._moved_at = time.monotonic()
        self._ended = threading.Event()
        self._armed = False
        self._arm_at = 0.0
        self._times = Times()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    @property
    def still_s(self) -> float:
        """How long ago the loop last showed that it moves: up to ``LOOK_EVERY_S`` if all is well."""
        return time.monotonic() - self._moved_at

    @property
    def is_stuck(self) -> bool:
        return self.still_s > self._times.stuck

    def arm(self) -> None:
        """From now on the process is ended too if even this thread no longer runs, by one that needs no interpreter.

        That one writes where all threads stand to standard error. There is one of it in a process.
        """
        self._armed = True

    def end(self) -> None:
        self._ended.set()

    def _watch(self) -> None:
        try:
            due_at = time.monotonic() + self._times.look_every
            while not self._ended.wait(max(0.0, due_at - time.monotonic())):
                self._put_off_the_last_resort()
                self._moved.clear()
                self._loop.call_soon_threadsafe(self._note_move)
                if self._stands_still(due_at):
                    self._end()
                    return
                due_at = time.monotonic() + self._times.look_every
        except RuntimeError:
            if not self._loop.is_closed():
                raise
        finally:
            if self._armed:
                faulthandler.cancel_dump_traceback_later()

    def _note_move(self) -> None:
        """Runs on the loop."""
        self._loop_thread = threading.get_ident()
        self._moved_at = time.monotonic()
        self._moved.set()

    def _stands_still(self, due_at: float) -> bool:
        """Waits until the loop moves (False), or has stood still since ``due_at`` for too long (True)."""
        limits = [self._times.late, self._times.stuck]
        last_looks: list[float] = []
        while not self._moved.wait(self._times.look_every) and not self._ended.is_set():
            self._put_off_the_last_resort()
            still_s = time.monotonic() - due_at
            if limits and still_s > limits[0]:
                limits = [limit for limit in limits if limit >= still_s]
                self._tell(log.warning, "The event loop has stood still for %.1f s", still_s)
            if still_s > self._times.frozen:
                last_looks.append(time.monotonic())
                if len(last_looks) > LAST_LOOKS or last_looks[-1] - last_looks[0] > LAST_LOOKS_S:
                    return True
        if self._moved.is_set():
            late_s = self._moved_at - due_at
            metrics.loop_moved(late_s)
            if late_s > self._times.late:
                self._in_time(lambda: log.warning("The event loop moves again, %.1f s late", late_s), TELL_WITHIN_S)
        return False

    def _end(self) -> None:
        message = "The event loop has stood still for %.1f s: this process gives up what it holds and ends"
        self._tell(log.error, message, self.still_s)
        self._in_time(self._give_up, GIVE_UP_WITHIN_S)
        self._end_process()

    def _tell(self, say: Callable[..., None], message: str, still_s: float) -> None:
        stack = stack_of(self._loop_thread)
        self._in_time(lambda: say(message, still_s, extra={"stack": stack}), TELL_WITHIN_S)

    def _in_time(self, work: Callable[[], None], seconds: float) -> None:
        """The loop's thread may hold a lock that the work needs, such as the log's."""
        thread = threading.Thread(target=work, name="watchdog-aside", daemon=True)
        thread.start()
        thread.join(seconds)

    def _put_off_the_last_resort(self) -> None:
        now = time.monotonic()
        if self._armed and now >= self._arm_at:
            self._arm_at = now + ARM_EVERY_S
            faulthandler.dump_traceback_later(INTERPRETER_FROZEN_S, exit=True, file=STANDARD_ERROR)


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def stack_of(thread: int | None) -> list[str]:
    """Where the thread is, the innermost call first: files, lines and code, never the values of variables."""
    frame = sys._current_frames().get(thread) if thread is not None else None
    if frame is None:
        return []
    calls = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=MAX_FRAMES)
    return [
        f'File "{call.filename}", line {call.lineno}, in {call.name}: {(call.line or "").strip()}' for call in calls
    ]
