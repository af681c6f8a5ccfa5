"""More work than can be done: requests wait a little or are sent away, in words; health and live streams go on."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psutil
import psycopg
import pytest
from django.db import OperationalError
from django.test import RequestFactory
from psycopg_pool import PoolTimeout

from crewsite import errors
from runs.live.notify import run_changed
from runs.models import Run
from runs.states import RunState
from teams.actions import issue_token
from tests.cast import Cast, make_crew
from tests.crewsite.serving.clients import Answer, Server, head, read_answer
from tests.ledger import make_run
from tests.pages import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
ONE_PAGE_THREAD = {"DATABASE_CONNECTIONS": "6"}
WAITING = 100
"""Requests for pages that may wait in one process."""


@pytest.fixture(scope="module")
def small(start: Callable[..., Server]) -> Server:
    return start(**ONE_PAGE_THREAD, LIVE_STREAMS="2", METRICS_TOKEN="scraper")


@contextmanager
def sessions_locked() -> Iterator[None]:
    """Nobody can be told to be signed in, so every page and every API request that asks stands still."""
    with psycopg.connect(os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + _database()) as connection:
        connection.execute("LOCK TABLE django_session, teams_apitoken IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def _database() -> str:
    from django.db import connection

    return str(connection.settings_dict["NAME"])


@pytest.fixture
def cookie(cast: Cast) -> str:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in signed_in(cast.viewer).cookies.items())


def ask_many(server: Server, path: str, number: int, **headers: str) -> list[socket.socket]:
    return [server.send([head("GET", path, **headers)]) for _ in range(number)]


def answers(asked: list[socket.socket]) -> list[Answer]:
    return [read_answer(one) for one in asked]


def test_above_its_bounds_a_process_says_503_soon_and_health_answers(small: Server, cast: Cast, cookie: str) -> None:
    before = _pages_shed(small)
    with sessions_locked():
        began = time.monotonic()
        asked = ask_many(small, "/t/acme/runs/", WAITING + 20, Cookie=cookie)
        assert small.ask_for("/health/live").status == 200
        assert small.ask_for("/health/ready").status in (200, 503)
        refused = answers(asked[1:])
        assert time.monotonic() - began < 9  # less than a request waited for a connection before it failed
    assert {answer.status for answer in refused} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert "try again" in refused[0].text
    assert read_answer(asked[0]).status == 200
    assert small.ask_for("/t/acme/runs/", Cookie=cookie).status == 200
    assert _pages_shed(small) - before == WAITING + 19


def _pages_shed(server: Server) -> float:
    figures = server.ask_for("/metrics", Authorization="Bearer scraper").text
    shed = [line for line in figures.splitlines() if line.startswith('crewsite_requests_shed_total{kind="page"}')]
    return float(shed[0].split()[-1]) if shed else 0.0


def test_the_api_is_told_in_its_own_shape(small: Server, cast: Cast, cookie: str) -> None:
    token = issue_token(cast.owner)[1]
    with sessions_locked():
        held, shed = ask_many(small, "/api/v1/runs", 2, Authorization=f"Bearer {token}")
        answer = read_answer(shed)
    assert answer.status == 503
    assert json.loads(answer.body)["error"]["code"] == "unavailable"
    assert read_answer(held).status == 200


def test_a_live_viewer_hears_of_changes_while_pages_are_shed(small: Server, cast: Cast, cookie: str) -> None:
    run = make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING)
    path = f"/t/acme/runs/{run.pk}/events/?seen={run.revision}"
    with closing(small.send([head("GET", path, Cookie=cookie)])) as viewer:
        viewer.settimeout(20)
        assert b"200" in viewer.recv(65_536).split(b"\r\n")[0]
        time.sleep(0.5)
        with sessions_locked():
            asked = ask_many(small, "/t/acme/runs/", 3, Cookie=cookie)
            Run.objects.filter(pk=run.pk).update(revision=run.revision + 1, error="A word that was not there before")
            run_changed(run.pk)
            heard = b""
            while b"event: summary" not in heard:
                part = viewer.recv(65_536)
                assert part, "the stream ended"
                heard += part
            assert read_answer(asked[2]).status == 503


def test_streams_have_a_bound_of_their_own(small: Server, cast: Cast, cookie: str) -> None:
    run = make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING)
    path = f"/t/acme/runs/{run.pk}/events/"
    streams = ask_many(small, path, 2, Cookie=cookie)
    for stream in streams:
        assert b"200" in stream.recv(30)
    refused = small.ask_for(path, Cookie=cookie)
    assert refused.status == 503
    assert "retry-after" in refused.headers
    assert "watched" in refused.text
    assert small.ask_for("/t/acme/runs/", Cookie=cookie).status == 200
    streams[0].close()
    deadline = time.monotonic() + 20
    while (again := small.send([head("GET", path, Cookie=cookie)])).recv(12)[-3:] != b"200":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    again.close()
    streams[1].close()


def test_a_crowd_takes_neither_threads_nor_connections(small: Server, cast: Cast, cookie: str) -> None:
    process = next(one for one in psutil.Process().children() if str(small.port) == one.environ().get("PORT"))
    with sessions_locked():
        asked = ask_many(small, "/t/acme/runs/", WAITING, Cookie=cookie)
        time.sleep(1)
        assert process.num_threads() < 40
        to_database = [one for one in process.net_connections() if one.raddr and one.raddr.port == _port()]
        assert len(to_database) <= 6 + 1 + 2 + 1  # the pool, the listener of live runs, two probes, the gauges
    answers(asked)


def _port() -> int:
    from django.db import connection

    return int(connection.settings_dict["PORT"])


@pytest.mark.parametrize("path", ["/t/acme/runs/", "/api/v1/runs"])
def test_a_wait_for_a_connection_ends_as_503(rf: RequestFactory, path: str) -> None:
    try:
        try:
            raise PoolTimeout("couldn't get a connection after 3.00 sec")
        except PoolTimeout as error:
            raise OperationalError("no connection") from error
    except OperationalError:
        answer: Any = errors.broken(rf.get(path))
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


def test_other_faults_are_still_faults(rf: RequestFactory) -> None:
    try:
        raise OperationalError("the server closed the connection unexpectedly")
    except OperationalError:
        assert errors.broken(rf.get("/")).status_code == 500


class TestSeveralProcesses:
    @pytest.fixture
    def two(self, start: Callable[..., Server]) -> Server:
        return start(WEB_PROCESSES="2", METRICS_TOKEN="scraper")

    def test_they_count_together_and_end_together(self, two: Server) -> None:
        supervisor = next(one for one in psutil.Process().children() if str(two.port) == one.environ().get("PORT"))
        for _ in range(20):
            assert two.ask_for("/signin/").status == 200
        # Whichever process answers, it tells those of both, and each scrape is one more.
        assert [_answered_by(two) for _ in range(6)] == list(range(20, 26))
        children = [one for one in supervisor.children() if "spawn_main" in " ".join(one.cmdline())]
        assert len(children) == 2
        os.kill(supervisor.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=20)
        assert not alive


def _answered_by(server: Server) -> int:
    """How many requests the processes say that they have answered."""
    figures = server.ask_for("/metrics", Authorization="Bearer scraper").text
    answered = 'crewsite_http_request_seconds_bucket{le="+Inf",method="GET",status="2xx"}'
    return round(sum(float(line.split()[-1]) for line in figures.splitlines() if line.startswith(answered)))
