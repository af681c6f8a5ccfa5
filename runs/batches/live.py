"""A batch while it goes on, as server-sent events: for its page the figures anew and when to ask for the rows, for
programs the whole of it as JSON. Changes of the batch and of its runs within a short time are one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.template.loader import render_to_string

from runs.batches.page import BatchNow, batch_now
from runs.batches.schemas import BatchSummary
from runs.live.hub import changes
from runs.live.looks import share_look
from runs.live.messages import STILL_HERE, message
from runs.models import Batch
from runs.states import RUN_LIVE
from teams.access import Principal
from teams.rights import Right

LEAST_PAUSE_S = 2.0
"""Between two looks for one reader: a batch changes with each call of each of its runs."""
PAUSE_PER_LOOK = 3
"""A large batch takes long to sum up, so it is looked at less often."""


@dataclass(frozen=True, slots=True)
class Look:
    """A batch at one moment. ``text``: its figures as HTML, or all of it as JSON."""

    stamp: str
    ended: bool
    live: Sequence[UUID] = field(repr=False)  # its runs that go on
    text: str


def page_events(batch_id: UUID, who: Principal, right: Right, *, seen: str) -> AsyncIterator[str]:
    """``figures``, the part of the page that says how far it is; ``rows``, when the page is to ask for its rows; and
    ``ended``. ``seen`` is the stamp of what the page shows."""
    figures = ""

    def tell(look: Look) -> Iterator[str]:
        nonlocal seen, figures
        if look.stamp != seen:
            seen = look.stamp
            if look.text != figures:
                yield message("figures", look.text, "")
            yield message("rows", "", seen)
        figures = look.text
        if look.ended:
            yield message("ended", "", seen)

    # All that the figures depend on is the batch, which is of one team, and what the reader's role lets them do.
    return _events(batch_id, right, (batch_id, who.role), partial(_figures, who), tell)


def api_events(batch_id: UUID, right: Right, *, seen: str) -> AsyncIterator[str]:
    """``batch``, the whole of it without its rows, at every change since ``seen``, until it has ended."""

    def tell(look: Look) -> Iterator[str]:
        nonlocal seen
        if look.stamp != seen:
            seen = look.stamp
            yield message("batch", look.text, seen)

    return _events(batch_id, right, ("api", batch_id), _json, tell)


async def _events(
    batch_id: UUID,
    right: Right,
    key: Hashable,
    show: Callable[[BatchNow], str],
    tell: Callable[[Look], Iterable[str]],
) -> AsyncIterator[str]:
    """What is told of a look at once and after changes, until the batch has ended or the right to see it is lost."""
    live: Sequence[UUID] = ()
    async with aclosing(changes(batch_id, right, parts=lambda: live)) as notices:
        async for changed in notices:
            if not changed:
                yield STILL_HERE
                continue
            began = time.monotonic()
            look = await share_look(key, partial(_look, batch_id, show))
            looked_s = time.monotonic() - began
            live = look.live
            for text in tell(look):
                yield text
            if look.ended:
                return
            await asyncio.sleep(max(LEAST_PAUSE_S, PAUSE_PER_LOOK * looked_s))


def _look(batch_id: UUID, show: Callable[[BatchNow], str]) -> Look:
    batch = Batch.objects.select_related("team", "crew", "version").get(pk=batch_id)
    live = list(batch.runs.filter(state__in=RUN_LIVE).values_list("pk", flat=True))
    now = batch_now(batch)
    return Look(now.detail.stamp, now.ended, live, show(now))


def _figures(who: Principal, now: BatchNow) -> str:
    return render_to_string("runs/batches/_figures.html", {"page": now, "who": who})


def _json(now: BatchNow) -> str:
    return BatchSummary.model_validate(now.detail).model_dump_json(by_alias=True)
