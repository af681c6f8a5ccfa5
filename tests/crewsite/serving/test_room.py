"""Bounds on what is worked on and on what waits: who finds no room is told soon, and nobody is forgotten."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from crewsite.serving.room import Bounds, NoRoom, Room


class Work:
    """Work that lasts until it is let go. ``most`` is how much of it was under way at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = self.under_way = self.most = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.begun += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.go.wait(20)
        with self._lock:
            self.under_way -= 1
        return "done"


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.go.set()


async def begin(room: Room, work: Work, times: int, *, begun: int) -> list[asyncio.Task[str]]:
    """Waits until so many have begun, and the others stand in line."""
    tasks = [asyncio.create_task(room.carry_out(work)) for _ in range(times)]
    await asyncio.sleep(0.01)
    await until(lambda: work.begun == begun)
    return tasks


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not look():
            await asyncio.sleep(0.01)


async def test_no_more_is_under_way_than_there_are_threads(work: Work) -> None:
    tasks = await begin(Room("page", Bounds(at_work=3, waiting=50, patience_s=20)), work, 40, begun=3)
    assert work.begun == 3
    work.go.set()
    assert await asyncio.gather(*tasks) == ["done"] * 40
    assert work.most == 3


async def test_who_finds_the_queue_full_is_refused_at_once(work: Work) -> None:
    room = Room("page", Bounds(at_work=1, waiting=2, patience_s=20))
    tasks = await begin(room, work, 3, begun=1)
    began = time.monotonic()
    with pytest.raises(NoRoom):
        await room.carry_out(work)
    assert time.monotonic() - began < 5
    work.go.set()
    assert await asyncio.gather(*tasks) == ["done"] * 3


async def test_who_waits_too_long_is_refused_and_nothing_was_begun(work: Work) -> None:
    room = Room("page", Bounds(at_work=1, waiting=9, patience_s=1))
    first, *rest = await begin(room, work, 4, begun=1)
    assert [type(error) for error in await asyncio.gather(*rest, return_exceptions=True)] == [NoRoom] * 3
    assert work.begun == 1
    work.go.set()
    assert await first == "done"
    assert await room.carry_out(work) == "done"


async def test_work_keeps_its_place_until_it_ends_whoever_gives_up(work: Work) -> None:
    room = Room("page", Bounds(at_work=1, waiting=9, patience_s=1))
    (given_up,) = await begin(room, work, 1, begun=1)
    given_up.cancel()
    with pytest.raises(NoRoom):
        await room.carry_out(work)
    work.go.set()
    await until(lambda: work.under_way == 0)
    assert await room.carry_out(work) == "done"
    assert work.most == 1


async def test_who_gives_up_waiting_leaves_the_place_to_the_next(work: Work) -> None:
    room = Room("page", Bounds(at_work=1, waiting=2, patience_s=20))
    tasks = await begin(room, work, 3, begun=1)
    tasks[1].cancel()
    await asyncio.sleep(0)
    tasks += await begin(room, work, 1, begun=1)
    work.go.set()
    assert [await tasks[place] for place in (0, 2, 3)] == ["done"] * 3


async def test_a_place_that_falls_to_somebody_whose_time_is_just_over_goes_to_the_next(work: Work) -> None:
    """Their future is cancelled, and their task has not run since: the very moment is made by the loop's order."""
    room, loop = Room("page", Bounds(at_work=1, waiting=50, patience_s=5)), asyncio.get_running_loop()
    first, late = await begin(room, work, 2, begun=1)
    loop.call_soon(loop.call_soon, late.cancel)
    work.go.set()
    while work.under_way:
        time.sleep(0.01)  # and not in the loop, which must not run before the thread has ended
    time.sleep(0.1)
    assert await first == "done"
    assert await room.carry_out(work) == "done"
    assert late.cancelled()


class TestShares:
    """One who asks for much waits for themselves; another is served meanwhile."""

    BOUNDS = Bounds(at_work=5, waiting=20, patience_s=20, share=0.4)

    async def test_one_caller_has_no_more_threads_than_their_share(self, work: Work) -> None:
        room = Room("page", self.BOUNDS)
        tasks = [asyncio.create_task(room.carry_out(work, whose="much")) for _ in range(20)]
        await until(lambda: work.begun == 2)
        for _ in range(10):
            assert await room.carry_out(lambda: "soon", whose="little") == "soon"
        assert work.begun == 2
        work.go.set()
        assert await asyncio.gather(*tasks) == ["done"] * 20
        assert work.most == 2

    async def test_who_has_nothing_at_work_comes_before_who_has(self, work: Work) -> None:
        room = Room("page", Bounds(at_work=2, waiting=20, patience_s=20, share=1))
        held = await begin(room, work, 2, begun=2)
        order: list[str] = []
        slow = Work()
        one_at_work = asyncio.create_task(room.carry_out(slow, whose="much"))
        await asyncio.sleep(0.01)
        many = [asyncio.create_task(room.carry_out(lambda: order.append("much"), whose="much")) for _ in range(9)]
        await asyncio.sleep(0.01)
        few = asyncio.create_task(room.carry_out(lambda: order.append("little"), whose="little"))
        await asyncio.sleep(0.01)
        work.go.set()
        await asyncio.gather(*held, *many, few)
        slow.go.set()
        await one_at_work
        assert order[0] == "little"  # while one of those that asked earlier is at work

    async def test_a_full_queue_sends_away_the_last_of_whose_wait_most(self, work: Work) -> None:
        room = Room("page", Bounds(at_work=1, waiting=3, patience_s=20))
        much = [asyncio.create_task(room.carry_out(work, whose="much")) for _ in range(4)]
        await until(lambda: work.begun == 1)
        little = asyncio.create_task(room.carry_out(work, whose="little"))
        with pytest.raises(NoRoom):
            await much[3]
        work.go.set()
        assert await asyncio.gather(little, *much[:3]) == ["done"] * 4

    async def test_whose_share_is_used_up_is_told_so(self, work: Work) -> None:
        room = Room("page", Bounds(at_work=5, waiting=20, patience_s=0.2, share=0.4))
        tasks = [asyncio.create_task(room.carry_out(work, whose="much")) for _ in range(3)]
        with pytest.raises(NoRoom) as refused:
            await tasks[2]
        assert refused.value.is_own
        work.go.set()
        assert await asyncio.gather(*tasks[:2]) == ["done"] * 2
