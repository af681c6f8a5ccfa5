"""Server-sent events as a reader gets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from django.test import AsyncClient

from teams.access import Principal

PATIENCE_S = 20


@dataclass
class Event:
    name: str
    data: str
    id: str


async def events_at(who: Principal | None, path: str, *, seen: str = "", **headers: str) -> AsyncIterator[Event]:
    """The events as they come, without comments; of somebody who is signed in, or by what the headers say."""
    client = AsyncClient()
    if who is not None:
        await client.aforce_login(who.user)
    response: Any = await client.get(path, {"seen": seen} if seen else {}, headers=headers)
    assert response["Content-Type"] == "text/event-stream"
    async with aclosing(response.streaming_content) as chunks:
        async for chunk in chunks:
            for event in parsed(chunk.decode()):
                yield event


def parsed(text: str) -> Iterator[Event]:
    for block in text.split("\n\n"):
        fields = [line.partition(": ")[::2] for line in block.splitlines()]
        if any(name == "event" for name, _ in fields):
            data = "\n".join(value for name, value in fields if name == "data")
            yield Event(dict(fields)["event"], data, dict(fields).get("id", ""))


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    """The next events, each within a few seconds."""
    return [await asyncio.wait_for(anext(events), PATIENCE_S) for _ in range(count)]


async def until(events: AsyncIterator[Event], name: str) -> list[Event]:
    taken = await take(events, 1)
    while taken[-1].name != name:
        taken += await take(events, 1)
    return taken
