"""Following batches: by events, all at once; where the server gives none, by asking."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crewsite_client import Crewsite, NotFound, answers
from crewsite_client.command.following_runs import follow_batches
from crewsite_client.command.screen import Screen
from crewsite_client.retrying import Retries
from tests.client.answering import Answer, Answering, refusal, sample, stream

AT_ONCE = Retries(times=1, first_wait_s=0.0)


def state(status: str, live: int) -> dict[str, Any]:
    found: dict[str, Any] = sample(answers.Batch, id="b", status=status, live=live)
    return found


def follow(server: Answering) -> dict[str, Any]:
    with Crewsite(server.url, "token", retries=AT_ONCE) as site:
        (ended,) = follow_batches(Screen(as_json=True), site, ["b"], every_s=0.0)
    return dict(ended)


def test_a_batch_is_followed_by_its_events() -> None:
    told = "".join(
        f"id: {at}\nevent: batch\ndata: {json.dumps(one)}\n\n"
        for at, one in enumerate((state("running", 1), state("done", 0)))
    )
    with Answering(stream(told.encode())) as server:
        assert follow(server) == state("done", 0)
        assert [one.path for one in server.asked] == ["/api/v1/batches/b/events"]


def test_where_there_are_no_events_it_is_asked_for() -> None:
    busy, running, done = refusal(429, "busy"), Answer(body=state("running", 1)), Answer(body=state("done", 0))
    with Answering(busy, busy, running, done) as server:
        assert follow(server) == state("done", 0)
        paths = [one.path.partition("?")[0] for one in server.asked]
    assert paths == ["/api/v1/batches/b/events"] * 2 + ["/api/v1/batches/b"] * 2


def test_what_is_wrong_is_raised_where_it_is_waited_for() -> None:
    with Answering(refusal(404)) as server, pytest.raises(NotFound):
        follow(server)
