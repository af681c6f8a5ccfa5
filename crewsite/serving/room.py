"""How many requests of one kind are worked on at once, and how many wait for how long. Who finds no room is told so.

Nobody takes all of it: each has a share of the threads, and who has least at work comes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

from crewsite import http_metrics
from engine.bounded import Ticket, Turns

T = TypeVar("T")


class NoRoom(Exception):
    """There is more to do than can be done in time. ``is_own``: for the one who asks, whose share is used up."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__()
        self.is_own = is_own


@dataclass(frozen=True, slots=True)
class Bounds:
    """``share``: what part of the threads one caller may take at most, but always one thread."""

    at_work: int  # threads
    waiting: int
    patience_s: float  # the longest that one waits before work on it begins
    share: float = 1.0

    @property
    def each(self) -> int:
        return max(1, int(self.at_work * self.share))


class Room:
    """Work of one kind: bounded threads of its own, and a bounded queue before them."""

    def __init__(self, name: str, bounds: Bounds) -> None:
        self._name = name
        self._bounds = bounds
        self._turns: Turns[asyncio.Future[None]] = Turns(bounds.at_work, each=bounds.each)
        self._threads = ThreadPoolExecutor(bounds.at_work, thread_name_prefix=name)

    async def carry_out(self, work: Callable[[], T], *, whose: str = "") -> T:
        """What ``work`` returns, carried out on a thread. Raises ``NoRoom`` if it cannot begin in time.

        ``whose``: on whose share it is counted; "" for no share. Once begun it is not left: its thread cannot be
        stopped, so its place is kept until it ends, whoever gives up.
        """
        ticket = await self._find_place(whose)
        try:
            running = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        except BaseException:
            self._leave_place(ticket)
            raise
        running.add_done_callback(lambda _: self._leave_place(ticket))
        return await asyncio.shield(running)

    async def _find_place(self, whose: str) -> Ticket[asyncio.Future[None]]:
        ticket = Ticket(whose, asyncio.get_running_loop().create_future())
        self._turns.ask(ticket)
        self._give_places()
        if len(self._turns) > self._bounds.waiting:
            self._send_away(self._turns.last_of_most())
        try:
            async with asyncio.timeout(self._bounds.patience_s):
                await ticket.item
        except (TimeoutError, asyncio.CancelledError) as reason:
            self._turns.leave(ticket)
            if not ticket.item.cancelled() and ticket.item.exception() is None:  # it got a place at the same moment
                self._leave_place(ticket)
            if isinstance(reason, TimeoutError):
                raise self._refusal(whose) from None
            raise
        return ticket

    def _give_places(self) -> None:
        while ticket := self._turns.take():
            if ticket.item.done():  # its time is over, and it has not yet come to leave the queue
                self._turns.done(ticket)
            else:
                ticket.item.set_result(None)

    def _leave_place(self, ticket: Ticket[asyncio.Future[None]]) -> None:
        self._turns.done(ticket)
        self._give_places()

    def _send_away(self, ticket: Ticket[asyncio.Future[None]]) -> None:
        self._turns.leave(ticket)
        if not ticket.item.done():
            ticket.item.set_exception(self._refusal(ticket.whose))

    def _refusal(self, whose: str) -> NoRoom:
        is_own = self._bounds.each < self._bounds.at_work and not self._turns.may_begin(whose)
        http_metrics.request_shed("share" if is_own else self._name)
        return NoRoom(is_own=is_own)
