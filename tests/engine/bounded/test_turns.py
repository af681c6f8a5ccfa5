"""Whose turn it is: nobody has all places, and who has least at work comes first."""

from __future__ import annotations

import asyncio
import time

from engine.bounded import Ticket, Turns, counted_on, run, run_here


def test_one_has_no_more_than_their_share_and_another_comes_before_those_who_asked_earlier() -> None:
    turns: Turns[int] = Turns(3, each=2)
    tickets = [Ticket("much", number) for number in range(4)]
    for ticket in (*tickets, Ticket("little", 9)):
        turns.ask(ticket)
    begun = [turns.take(), turns.take(), turns.take()]
    assert [ticket and ticket.item for ticket in begun] == [0, 9, 1]
    turns.done(begun[1] or tickets[0])
    assert turns.take() is None  # a place is free, and it is not theirs
    turns.done(tickets[0])
    assert turns.take() is tickets[2]
    assert len(turns) == 1


def test_who_is_not_counted_has_all_places() -> None:
    turns: Turns[int] = Turns(3, each=1)
    for number in range(4):
        turns.ask(Ticket("", number))
    assert [ticket.item for ticket in (turns.take(), turns.take(), turns.take()) if ticket] == [0, 1, 2]
    assert turns.take() is None


def test_of_whom_most_wait_the_last_is_named() -> None:
    turns: Turns[int] = Turns(1, each=1)
    tickets = [Ticket("much", 0), Ticket("much", 1), Ticket("little", 2)]
    for ticket in tickets:
        turns.ask(ticket)
    assert turns.last_of_most() is tickets[1]


SLEEP = "time:sleep"


async def test_ones_checks_at_once_do_not_keep_anothers_from_being_done() -> None:
    async def on_behalf_of(whose: str, seconds: float) -> None:
        with counted_on(whose):
            await run(SLEEP, seconds)

    await asyncio.gather(on_behalf_of("a", 0), on_behalf_of("b", 0))  # both children are there
    much = [asyncio.create_task(on_behalf_of("much", 3)) for _ in range(4)]
    await asyncio.sleep(0.1)
    began = time.monotonic()
    for _ in range(10):
        await on_behalf_of("little", 0)
    assert time.monotonic() - began < 3
    assert not any(task.done() for task in much)
    for task in much:
        task.cancel()
    await asyncio.gather(*much, return_exceptions=True)
    with counted_on("much"):
        await asyncio.to_thread(run_here, SLEEP, 0)
