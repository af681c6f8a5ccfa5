"""Group commit: one writer thread per process gathers the small writes of many runs into one transaction.

While a transaction commits, the next operations queue up. So batches grow with the load, and no operation waits for a
timer. What an operation writes is not decided here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from psycopg.errors import IdleInTransactionSessionTimeout

from engine.errors import Cancelled
from runs.ledger.locks import Locks, take
from runs.telemetry import metrics

log = logging.getLogger(__name__)

MAX_BATCH = 200
MAX_TRANSACTION_S = 1.0
"""What is left of a batch then goes into the next transaction. Keepers of leases wait for the rows that one locks, and
where processor time is short two hundred operations take minutes."""
RETRIES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)

Operation = Callable[[], Any]
"""A write in an open transaction. It may run again after a lost connection or a deadlock, so it must be idempotent."""


@dataclass(frozen=True, slots=True)
class Item:
    """An operation that was submitted, and the future that its caller waits for."""

    operation: Operation
    future: Future[Any]
    locks: Locks | None


class GroupCommit:
    """Runs operations on one thread with a connection of its own."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)
        self._pause = threading.Event()
        self._closing = threading.Lock()
        self._closed = False
        self._thread.start()

    def submit(self, operation: Operation, *, locks: Locks | None = None) -> Future[Any]:
        """The future gets the operation's result after its commit, or the exception that it raised.

        A future that is cancelled before its batch begins takes the operation back. ``locks`` names the rows that it
        shares with other operations: they are locked for the whole batch, before its first operation.
        """
        future: Future[Any] = Future()
        with self._closing:
            if self._closed:
                raise Cancelled("This worker is stopping.")
            self._queue.put(Item(operation, future, locks))
        return future

    def close(self) -> None:
        """Commits what was submitted and ends the thread; whatever comes later is refused."""
        with self._closing:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._gather()
            if batch:
                self._commit(batch)
        connection.close()

    def _gather(self) -> tuple[list[Item], bool]:
        batch = []
        item = self._queue.get()
        while item is not None:
            if item.future.set_running_or_notify_cancel():  # from here on it cannot be cancelled
                batch.append(item)
            if len(batch) == MAX_BATCH or self._queue.empty():
                return batch, True
            item = self._queue.get()
        return batch, False

    def _commit(self, batch: list[Item]) -> None:
        # ``take`` locks the bills that a batch shares. One that begins with a call of this batch is made by team.
        batch.sort(key=lambda item: item.locks.team if item.locks else 0)
        while batch:
            batch = batch[self._commit_first(batch) :]

    def _commit_first(self, batch: list[Item]) -> int:
        """Commits so many of them as go into one transaction, at least one; how many."""
        try:
            results = self._in_one_transaction(batch)
        except Exception as error:  # noqa: BLE001 - an operation may raise anything; its caller gets it
            if len(batch) == 1 or (isinstance(error, (OperationalError, InterfaceError)) and not _database_answers()):
                for item in batch:
                    item.future.set_exception(error)
                return len(batch)
            # One operation spoiled the transaction for all. Each gets its own now, so that only that one fails.
            for item in batch:
                self._commit([item])
            return len(batch)
        for item, result in zip(batch, results, strict=False):
            item.future.set_result(result)
        return len(results)

    def _in_one_transaction(self, batch: list[Item]) -> list[Any]:
        """The results of the operations that were committed, in order: all, or those for which there was time."""
        for pause_s in (*RETRIES_S, None):
            try:
                with metrics.committing(len(batch)), transaction.atomic():
                    take(item.locks for item in batch if item.locks is not None)
                    return _results_in_time(batch)
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                if pause_s is None or not _may_pass(error):
                    raise
                log.warning("The ledger's connection failed; trying again in %.2f s", pause_s, exc_info=error)
                self._pause.wait(pause_s)
        raise AssertionError("unreachable: the last try returns or raises")


def _results_in_time(batch: list[Item]) -> list[Any]:
    until = time.monotonic() + MAX_TRANSACTION_S
    results = [batch[0].operation()]
    for item in batch[1:]:
        if time.monotonic() > until:
            break
        results.append(item.operation())
    return results


def _database_answers() -> bool:
    """Whether the database answers. If it does not, no operation is to blame."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (OperationalError, InterfaceError):
        connection.close()
        return False
    return True


def _may_pass(error: Exception) -> bool:
    """Whether another try may succeed. The database ends the transaction of a process that was frozen within it."""
    return isinstance(error, (OperationalError, InterfaceError)) or isinstance(
        error.__cause__, IdleInTransactionSessionTimeout
    )
