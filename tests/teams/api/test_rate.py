"""The limit of requests a minute: exact over several processes, told in each answer, and cheap."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from teams.actions import issue_token
from teams.api import rate
from teams.api.rate import Portions, TooManyRequests
from teams.models import Scope, TryCount
from tests.cast import Cast

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def served(portions: Portions, limit: int, asked: int) -> int:
    """How many of so many requests of one token are let through."""
    count = 0
    for _ in range(asked):
        try:
            portions.use_one(7, limit)
        except TooManyRequests:
            continue
        count += 1
    return count


def test_processes_together_let_through_the_limit_and_no_more() -> None:
    clock = Clock()
    one, two = Portions(clock), Portions(clock)
    assert served(one, 10, 6) + served(two, 10, 9) == 10
    assert (served(one, 10, 5), served(two, 10, 5)) == (0, 0)
    clock.now += 61  # their window is over, and so is its row
    TryCount.objects.update(ends_at=Now())
    assert served(two, 10, 20) == 10


def test_one_request_in_a_portion_writes_and_refusals_ask_nothing() -> None:
    portions = Portions(Clock())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert served(portions, 500, 500) == 500
    assert len(queries) == rate.PORTIONS
    with CaptureQueriesContext(connection) as queries:
        with pytest.raises(TooManyRequests) as refused:
            portions.use_one(7, 500)
        assert served(portions, 500, 50) == 0
    assert len(queries) == 0
    assert 0 < refused.value.retry_after_s <= rate.WINDOW_S


def test_what_is_left_goes_down_by_one() -> None:
    portions = Portions(Clock())
    left = [portions.use_one(7, 200).remaining for _ in range(200)]
    assert left == list(range(199, -1, -1))


def test_every_answer_says_what_is_left(cast: Cast, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 5
    owner, other = (Client(headers={"Authorization": f"Bearer {secret(cast)}"}) for _ in "ab")
    first = owner.get("/api/v1/runs")
    assert first["RateLimit-Policy"] == '"token";q=5;w=60'
    assert first["RateLimit"].startswith('"token";r=4;t=')
    answers = [owner.get("/api/v1/crews/none"), owner.put("/api/v1/limits"), owner.patch("/api/v1/runs")]
    assert [one.status_code for one in answers] == [404, 403, 405]
    told = [one.get("RateLimit", "") for one in answers]
    assert [text.split(";")[1] for text in told[:2]] == ["r=3", "r=2"]
    assert owner.head("/api/v1/crews")["RateLimit"].startswith('"token";r=1;')
    assert owner.get("/api/v1/crews")["RateLimit"].startswith('"token";r=0;')
    refused = owner.get("/api/v1/crews")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert refused["RateLimit"] == f'"token";r=0;t={refused["Retry-After"]}'
    assert other.get("/api/v1/crews").status_code == 200
    assert "RateLimit" not in Client(headers={"Authorization": "Bearer none"}).get("/api/v1/crews")
    settings.API_REQUESTS_PER_MINUTE = 0
    unlimited = owner.get("/api/v1/crews")
    assert (unlimited.status_code, "RateLimit" in unlimited) == (200, False)


def secret(cast: Cast) -> str:
    return issue_token(cast.owner, scope=Scope.READ)[1]
