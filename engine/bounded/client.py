"""Hands functions to child processes, and stops those that take too much.

The children are this process's own, started with the first work and kept. A process that has them pays about a
millisecond for each call. A child that was stopped is replaced.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.bounded.effort import Effort
from engine.bounded.frames import receive, send
from engine.bounded.turns import Ticket, Turns, whose_share
from engine.bounded.waiting import Patience
from engine.errors import TooBusy, TooMuchWork

CHILDREN = 2
CHILDREN_EACH = 1
"""That work on one's behalf takes at once (``turns``), so that another's need not wait for it to end."""
SECONDS = 2.0
"""Of the child's processor time, for one piece of work."""
WALL_SECONDS = 20.0
"""Beside the processor time: for a child that was begun, stands still or gets no processor."""
MAX_BYTES = 8_000_000
"""Of the arguments, as JSON. The result is bounded in ``child``."""

_ROOT = Path(__file__).resolve().parent.parent.parent


async def run(
    job: str, *args: Any, what: str = "This work", seconds: float = SECONDS, effort: Effort | None = None
) -> Any:
    """What the function returns, without holding up the event loop; see ``run_here``. A cancellation stops the work.

    ``effort``: what a run may still ask for. Raises ``TooMuchWork`` if that is used up.
    """
    effort = effort or Effort()
    async with effort.turn(what):
        work = _work(job, args, what, min(seconds, effort.left_s()))
        pool = _pool()
        try:
            return await asyncio.wrap_future(pool.begin(work))
        finally:
            work.stop.set()
            effort.spend(work.spent_s)


def run_here(
    job: str, *args: Any, what: str = "This work", seconds: float = SECONDS, patience: Patience | None = None
) -> Any:
    """What the function returns. Blocks, so not for a thread that runs an event loop.

    ``job``: ``"package.module:function"``, a function at the top of a module. Arguments and result are JSON values.
    ``what``: the work in words, which begin the sentence that says what was wrong.
    ``seconds``: the processor time that it may take, without the import of its module.
    ``patience``: how long the caller waits, also for its turn: see ``turns``.

    Raises ``TooMuchWork`` if it takes more time or memory or if arguments or result are too large, and ``TooBusy`` if
    patience ends before. An exception of the function's own is a mistake of ours: a ``RuntimeError``.
    """
    patience = patience or Patience(seconds + WALL_SECONDS)
    work, pool = _work(job, args, what, seconds), _pool()
    done = pool.begin(work)
    try:
        return done.result(timeout=max(0.0, patience.left_s()))
    except FutureTimeoutError:
        if done.done():
            return done.result()
        work.stop.set()
        done.cancel()
        raise TooBusy(f"{what} has to wait, since much else is under way. Try again in a minute.") from None


@dataclass(slots=True)
class _Work:
    """``call``: job and arguments, as JSON. ``stop``: nobody waits for it any more. ``spent_s``: of processor time."""

    what: str
    call: str
    seconds: float
    stop: threading.Event = field(default_factory=threading.Event)
    spent_s: float = 0.0

    def refused(self, why: str) -> TooMuchWork:
        return TooMuchWork(f"{self.what} {why}")


def _work(job: str, args: tuple[Any, ...], what: str, seconds: float) -> _Work:
    too_large = TooMuchWork(f"{what} is for texts of at most {MAX_BYTES // 1_000_000} MB; this is longer.")
    if sum(len(arg) for arg in args if isinstance(arg, str)) > MAX_BYTES:
        raise too_large  # before it is written as JSON, which holds up the event loop
    try:
        call = json.dumps([job, args])
    except RecursionError:
        raise TooMuchWork(f"{what} is not for values nested as deeply as this one.") from None
    if len(call) > MAX_BYTES:
        raise too_large
    return _Work(what, call, seconds)


class _Pool:
    """The children of one process, each with a thread that hands it the work. Nobody has the turns of all others."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(CHILDREN, thread_name_prefix="bounded")
        self._own = threading.local()
        self._children: set[_Child] = set()
        self._turns: Turns[tuple[_Work, Future[Any]]] = Turns(CHILDREN, each=CHILDREN_EACH)
        self._lock = threading.Lock()

    def begin(self, work: _Work) -> Future[Any]:
        """Its result, once its turn has come."""
        done: Future[Any] = Future()
        ticket = Ticket(whose_share(), (work, done))
        with self._lock:
            self._turns.ask(ticket)
        self._threads.submit(self._serve)
        return done

    def _serve(self) -> None:
        """On one of the pool's threads, until nobody who waits may begin. The share that ends work here may be theirs
        for whom an earlier thread found nothing to do."""
        while ticket := self._next():
            work, done = ticket.item
            try:
                if done.set_running_or_notify_cancel():
                    _settle(done, self._run, work)
            finally:
                with self._lock:
                    self._turns.done(ticket)

    def _next(self) -> Ticket[tuple[_Work, Future[Any]]] | None:
        with self._lock:
            return self._turns.take()

    def _run(self, work: _Work) -> Any:
        child: _Child | None = getattr(self._own, "child", None)
        if child is None or not child.is_alive():
            self._children = {each for each in self._children if each.is_alive()}
            child = self._own.child = _Child()
            self._children.add(child)
        return child.run(work)

    def close(self) -> None:
        for child in self._children:
            child.end()


def _settle(done: Future[Any], run: Callable[[_Work], Any], work: _Work) -> None:
    try:
        done.set_result(run(work))
    except BaseException as error:  # noqa: BLE001 - whoever waits is told
        done.set_exception(error)


class _Child:
    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(WALL_SECONDS)
        with theirs:
            # Its environment holds none of our secrets, and its folder is where it finds the functions.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine.bounded.child", str(theirs.fileno())],
                cwd=_ROOT,
                env={name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._socket = ours

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, work: _Work) -> Any:
        """The result. A child that does not give one ends."""
        try:
            send(self._socket, [work.call, work.seconds])
            answer = receive(self._socket, work.seconds + WALL_SECONDS, work.stop)
        except (OSError, EOFError) as error:
            work.spent_s = work.seconds
            raise self._end_of(error, work) from error
        except BaseException:
            self.end()
            raise
        work.spent_s = answer["spent_s"]
        if answer["kind"] == "result":
            return answer["value"]
        self.end()
        if answer["kind"] == "memory":
            raise work.refused("takes too much memory.")
        if answer["kind"] == "size":
            raise work.refused("makes more than can be kept.")
        raise RuntimeError(f"{answer['value']}\nThis was raised in a child process.")

    def _end_of(self, error: Exception, work: _Work) -> Exception:
        code = self.end()
        if isinstance(error, TimeoutError) or code == -signal.SIGPROF:
            return work.refused(f"takes more than {work.seconds:.2g} s.")
        if code in (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT):
            return work.refused("takes too much memory.")
        return RuntimeError(f"A child process ended with code {code}.")

    def end(self) -> int:
        """Its exit code, negative for a signal. One that ends by itself is given a moment to do so."""
        self._socket.close()
        try:
            code = self._process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        return code


def _pool() -> _Pool:
    """One for each process: what a fork inherits belongs to its parent."""
    with _lock:
        if _pools.keys() != {os.getpid()}:
            _pools.clear()
            _pools[os.getpid()] = pool = _Pool()
            atexit.register(pool.close)
        return _pools[os.getpid()]


_pools: dict[int, _Pool] = {}
_lock = threading.Lock()
