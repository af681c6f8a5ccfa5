"""Processes that have loaded Crewsite under the settings of an environment, and fork those that fault tests start.

A mould is forked from the nursery at the first order with its environment, and obeys the same orders. What is forked
from it differs in its failpoints alone, which are set in the fork. It has no thread and no connection to share.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TextIO

OF_ONE_PROCESS = ("FAILPOINT", "FAULT_CONSTANTS", "FENCING")
"""What may differ among the processes of one mould: ``Failpoints.ready`` reads it, and nothing else does."""
CREWSITE = ("manage.py", "crewsite.serving")

Order = dict[str, Any]


class Children:
    """Those of this process, which it alone may wait for."""

    def __init__(self) -> None:
        self._codes: dict[int, int | None] = {}

    def fork(self, become: Callable[[], None]) -> int:
        pid = os.fork()
        if pid == 0:
            os.setsid()  # a group of its own, to be killed by
            become()
            sys.exit(0)  # not os._exit: threads are waited for, as in a process that was not forked
        self._codes[pid] = None
        return pid

    def code(self, pid: int) -> int | None:
        if self._codes[pid] is None:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._codes[pid] = os.waitstatus_to_exitcode(status)
        return self._codes[pid]

    def codes(self) -> dict[int, int | None]:
        return {pid: self.code(pid) for pid in self._codes}

    def kill(self) -> None:
        for pid, code in self.codes().items():
            if code is None:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


class Mould:
    """The nursery's end of one."""

    def __init__(self, children: Children, order: Order, to_close: Iterable[int]) -> None:
        self.database = order["environment"]["DATABASE_URL"]
        read, write = os.pipe()
        asked, answered = os.pipe()
        theirs = [write, asked, *to_close]
        self._children = children
        self._pid = children.fork(lambda: _be_a_mould(order, read, answered, theirs))
        for number in (read, answered):
            os.close(number)
        self._orders, self._answers = os.fdopen(write, "w"), os.fdopen(asked, "r")

    @property
    def ends(self) -> tuple[int, int]:
        """What nobody else may hold open: a mould ends when its orders do."""
        return self._orders.fileno(), self._answers.fileno()

    def ask(self, order: Order) -> Any:
        print(json.dumps(order), file=self._orders, flush=True)
        return json.loads(self._answers.readline())

    def close(self) -> None:
        """Kills all that came from it."""
        self._orders.close()
        self._answers.read()
        self._answers.close()


class Moulds:
    """One for each environment. Those of another database go once nothing runs that came from them.

    ``to_close`` is what the nursery has open for itself.
    """

    def __init__(self, children: Children, to_close: Iterable[int]) -> None:
        self._children = children
        self._to_close = list(to_close)
        self._moulds: dict[str, Mould] = {}
        self._made: dict[int, Mould | int | None] = {}

    def start(self, order: Order) -> int:
        own = order["environment"]
        name = json.dumps({key: own[key] for key in sorted(own) if key not in OF_ONE_PROCESS})
        if name not in self._moulds:
            self._let_go(own["DATABASE_URL"])
            open_here = [number for mould in self._moulds.values() for number in mould.ends]
            self._moulds[name] = Mould(self._children, order, [*self._to_close, *open_here])
        mould = self._moulds[name]
        pid: int = mould.ask(order)["pid"]
        self._made[pid] = mould
        return pid

    def code(self, pid: int) -> int | None:
        made = self._made[pid]
        return made.ask({"poll": pid})["code"] if isinstance(made, Mould) else made

    def __contains__(self, pid: int) -> bool:
        return pid in self._made

    def close(self) -> None:
        for mould in self._moulds.values():
            mould.close()

    def _let_go(self, database: str) -> None:
        for name, mould in list(self._moulds.items()):
            if mould.database == database:
                continue
            pids = [pid for pid, made in self._made.items() if made is mould]
            codes = {pid: self.code(pid) for pid in pids}
            if None not in codes.values():
                self._made |= codes
                mould.close()
                del self._moulds[name]


def obey(orders: TextIO, answers: TextIO, start: Callable[[Order], int], code: Callable[[int], int | None]) -> None:
    """One JSON order a line, until they end: ``start`` gives a pid, ``poll`` that process's exit code."""
    for line in orders:
        order = json.loads(line)
        answer = {"code": code(order["poll"])} if "poll" in order else {"pid": start(order)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def take_over(order: Order, environment: dict[str, str]) -> None:
    """The order's streams, folder and command line, and this environment."""
    redirect(0, "/dev/null", os.O_RDONLY)
    for stream in (1, 2):
        redirect(stream, order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(order["folder"])
    sys.argv = order["command"]


def redirect(stream: int, path: str, flags: int) -> None:
    opened = os.open(path, flags, 0o600)
    os.dup2(opened, stream)
    os.close(opened)


def _be_a_mould(order: Order, orders: int, answers: int, to_close: list[int]) -> None:
    for number in to_close:
        os.close(number)
    own = order["environment"]
    take_over(order, {name: value for name, value in own.items() if name not in OF_ONE_PROCESS})
    _load_crewsite(own.get("CREWSITE_PROCESS", ""))
    children = Children()

    def start(order: Order) -> int:
        return children.fork(lambda: _become(order, orders, answers))

    with os.fdopen(orders, "r", closefd=False) as asked, os.fdopen(answers, "w", closefd=False) as answered:
        obey(asked, answered, start, children.code)
    children.kill()


def _load_crewsite(process: str) -> None:
    import django

    from tests.faults.failpoints import modules_of_runs

    django.setup()
    modules_of_runs()
    if process == "web":
        import_module("crewsite.urls")
    assert threading.active_count() == 1, "a process that has threads must not be forked"
    gc.collect()
    gc.freeze()


def _become(order: Order, *to_close: int) -> None:
    from django.apps import apps

    for number in to_close:
        os.close(number)
    take_over(order, order["environment"])
    apps.get_app_config("faults").ready()
    if sys.argv[0] == "manage.py":
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    else:
        from crewsite.serving.__main__ import main as serve

        serve()
