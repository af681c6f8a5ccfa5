"""One person's slow requests do not keep others' from being answered, however many sessions and tokens they have."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.http import HttpRequest

from crewsite.serving.pages import STREAMS_EACH, Shed
from crewsite.serving.shares import MOST_KNOWN, Shares, person_of
from runs.states import RunState
from teams.actions import issue_token
from tests.cast import Cast, make_crew
from tests.crewsite.serving.clients import Server, head, read_answer
from tests.crewsite.serving.test_overload import _database
from tests.ledger import make_run
from tests.pages import signed_in

SLOW = 20


def request(path: str = "/t/acme/runs/", *, address: str = "192.0.2.1", **headers: str) -> dict[str, Any]:
    fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"path": path, "headers": fields, "client": (address, 7)}


class TestWhose:
    def test_a_stranger_counts_by_address_whatever_cookie_they_make_up(self) -> None:
        shares = Shares()
        assert {shares.of(request(Cookie=f"crewsite_session={n}")) for n in range(9)} == {"address 192.0.2.1"}
        assert shares.of(request(address="192.0.2.2")) == "address 192.0.2.2"
        assert shares.of(request(address="")) == ""

    def test_a_person_counts_once_for_all_sessions_and_tokens_that_were_answered(self) -> None:
        shares = Shares()
        web, api = request(Cookie="a=1; crewsite_session=x"), request("/api/v1/runs", Authorization="Bearer t")
        for one in (web, api):
            shares.learn(one, "person 7")
        assert {shares.of(web), shares.of(api)} == {"person 7"}
        assert shares.of(request("/api/v1/runs", Cookie="crewsite_session=x")) == "address 192.0.2.1"

    def test_a_session_that_ended_is_nobodys(self) -> None:
        shares, web = Shares(), request(Cookie="crewsite_session=x")
        shares.learn(web, "person 7")
        shares.learn(web, "")
        assert shares.of(web) == "address 192.0.2.1"

    def test_a_static_file_says_nothing_about_whose_session_it_is(self) -> None:
        shares, web = Shares(), request(Cookie="crewsite_session=x")
        shares.learn(web, "person 7")
        shares.learn(web, person_of(HttpRequest()))
        assert shares.of(web) == "person 7"

    def test_what_is_known_is_bounded(self) -> None:
        shares = Shares()
        for number in range(MOST_KNOWN + 10):
            shares.learn(request(Cookie=f"crewsite_session={number}"), "person 7")
        assert len(shares._people) == MOST_KNOWN


def test_who_used_their_share_up_wakes_no_operator() -> None:
    refusal = Shed.of("page", is_own=True)
    assert (refusal.status, refusal.retry_after_s > 0) == (429, True)


@contextmanager
def crews_locked() -> Iterator[None]:
    """Pages that read crews stand still, and others do not."""
    with psycopg.connect(os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + _database()) as connection:
        connection.execute("LOCK TABLE agents_app_crew IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@pytest.mark.django_db(transaction=True)
class TestServer:
    def test_one_persons_slow_requests_leave_room_for_anothers(self, web: Server, cast: Cast) -> None:
        other = {"Authorization": f"Bearer {issue_token(cast.editor)[1]}"}
        tokens = [{"Authorization": f"Bearer {issue_token(cast.owner)[1]}"} for _ in range(4)]
        for known in (other, *tokens):
            assert web.ask_for("/api/v1/limits", **known).status == 200
        with crews_locked():
            slow = [web.send([head("GET", "/api/v1/crews", **tokens[n % 4])]) for n in range(SLOW)]
            time.sleep(0.3)
            for _ in range(10):
                began = time.monotonic()
                assert web.ask_for("/api/v1/limits", **other).status == 200
                assert time.monotonic() - began < 4  # far below what one waits before being refused
            refused = [read_answer(one) for one in slow[2:]]
        assert {answer.status for answer in refused} == {429}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
        assert "still under way" in refused[0].text
        assert [read_answer(one).status for one in slow[:2]] == [200, 200]

    def test_pages_know_whose_session_it_is(self, web: Server, cast: Cast) -> None:
        cookies = [
            "; ".join(f"{name}={morsel.value}" for name, morsel in signed_in(cast.owner).cookies.items())
            for _ in range(3)
        ]
        other = "; ".join(f"{name}={morsel.value}" for name, morsel in signed_in(cast.viewer).cookies.items())
        for cookie in (*cookies, other):
            assert web.ask_for("/t/acme/runs/", Cookie=cookie).status == 200
        with crews_locked():
            slow = [web.send([head("GET", "/t/acme/crews/", Cookie=cookies[n % 3])]) for n in range(6)]
            time.sleep(0.3)
            assert web.ask_for("/t/acme/limits/", Cookie=other).status == 200
            assert {read_answer(one).status for one in slow[2:]} == {429}
        assert [read_answer(one).status for one in slow[:2]] == [200, 200]

    def test_one_person_does_not_take_all_live_streams(self, web: Server, cast: Cast) -> None:
        run = make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING)
        cookies = [
            "; ".join(f"{name}={morsel.value}" for name, morsel in signed_in(who).cookies.items())
            for who in (cast.owner, cast.viewer)
        ]
        path = f"/t/acme/runs/{run.pk}/events/"
        opened: list[socket.socket] = [web.send([head("GET", path, Cookie=cookies[0])]) for _ in range(STREAMS_EACH)]
        assert all(b" 200 " in stream.recv(30) for stream in opened)
        refused = web.ask_for(path, Cookie=cookies[0])
        assert (refused.status, "many runs" in refused.text) == (429, True)
        another = web.send([head("GET", path, Cookie=cookies[1])])
        assert b" 200 " in another.recv(30)
        for stream in (*opened, another):
            stream.close()
