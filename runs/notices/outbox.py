"""Threads of a worker that send webhooks and e-mails. Runs and sweeps only write down what is to be sent, so a slow
receiver holds none of them up."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence

from django.db import DatabaseError, InterfaceError, connection

from runs.notices.mail import send_due_mails
from teams.webhooks import deliveries

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
FORGET_EVERY_S = 3600.0


class Outbox:
    """Sends until it is stopped. What it could not finish, another worker sends a minute later."""

    def __init__(
        self, *, look_every_s: float = LOOK_EVERY_S, mails: Sequence[Callable[[], int]] = (send_due_mails,)
    ) -> None:
        """``mails``: each sends those of its kind that are due and says how many."""
        self._look_every_s = look_every_s
        self._stopping = threading.Event()
        self._forgot_at: float | None = None
        self._threads = (
            threading.Thread(target=self._send_webhooks, name="webhooks", daemon=True),
            threading.Thread(
                target=self._repeat, args=(lambda: sum(send() for send in mails),), name="mails", daemon=True
            ),
        )

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, *, wait_s: float = 0) -> None:
        """Begins nothing more, and waits up to ``wait_s`` for what it is sending."""
        self._stopping.set()
        deadline = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _send_webhooks(self) -> None:
        with asyncio.Runner() as runner:
            self._repeat(lambda: self._send_round(runner))

    def _send_round(self, runner: asyncio.Runner) -> int:
        if self._forgot_at is None or time.monotonic() - self._forgot_at > FORGET_EVERY_S:
            self._forgot_at = time.monotonic()
            deliveries.forget_old()
        return send_round(runner)

    def _repeat(self, work: Callable[[], int]) -> None:
        """Repeats the work while there is some, else looks again a little later."""
        while not self._stopping.is_set():
            done = 0
            try:
                done = work()
            except (DatabaseError, InterfaceError) as error:
                log.warning("Could not send what is due; trying again", exc_info=error)
            except Exception:  # an outer edge: a bug in one message must not end the thread that sends all others
                log.exception("Sending failed by a bug")
            finally:
                connection.close()
            if not done:
                self._stopping.wait(self._look_every_s)


def send_round(runner: asyncio.Runner) -> int:
    """Tries all deliveries that are due at once; returns how many. The connection is given back meanwhile."""
    due = deliveries.take_due()
    if not connection.in_atomic_block:
        connection.close()
    if due:
        for delivery, attempt in zip(due, runner.run(deliveries.send_all(due)), strict=True):
            deliveries.record(delivery, attempt)
    return len(due)
