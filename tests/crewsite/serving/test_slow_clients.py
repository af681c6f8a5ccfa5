"""Clients that begin a request and do not end it are gone in time, and nobody else notices them."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from runs.live.notify import run_changed
from runs.models import Run
from runs.states import RunState
from tests.cast import Cast, make_crew
from tests.crewsite.serving.clients import ANSWER_WITHIN_S, Server, head, read_answer, still_open, until_closed
from tests.crewsite.serving.conftest import PATIENCE_S
from tests.crewsite.serving.test_bodies import token
from tests.ledger import make_run

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 300
GONE_WITHIN_S = 20
"""Generous: on a busy machine the server's seconds are longer than ours."""

HALF_HEAD = b"GET /signin/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
HALF_BODY = head("POST", "/signin/", content_length="1000") + b"abc"
HALF_CHUNK = head("POST", "/signin/", transfer_encoding="chunked") + b"10\r\nabc"


@pytest.mark.parametrize("half", [HALF_HEAD, HALF_BODY, HALF_CHUNK, b""], ids=["head", "body", "chunk", "nothing"])
def test_half_sent_requests_are_gone_and_others_are_answered_meanwhile(web: Server, half: bytes) -> None:
    opened = [web.connect(half) for _ in range(MANY)]
    assert web.ask_for("/signin/").status == 200
    assert until_closed(opened, within_s=GONE_WITHIN_S) == 0


@pytest.mark.parametrize(
    ("begun", "drop"),
    [(HALF_HEAD, b"a"), (HALF_BODY, b"a"), (HALF_CHUNK, b"a"), (b"", b"\r\n"), (b"GET / HTTP/1.1\r\n", b"A: b\r\n")],
    ids=["head", "body", "chunk", "empty lines", "headers"],
)
def test_a_byte_now_and_then_does_not_help(web: Server, begun: bytes, drop: bytes) -> None:
    opened = [web.connect(begun) for _ in range(20)]
    stopped = threading.Event()
    dripping = threading.Thread(target=drip, args=(opened, drop, stopped))
    dripping.start()
    try:
        assert until_closed(opened, within_s=GONE_WITHIN_S) == 0
    finally:
        stopped.set()
        dripping.join()


def drip(opened: list[socket.socket], drop: bytes, stopped: threading.Event) -> None:
    while not stopped.wait(0.5):
        for one in opened:
            try:
                one.send(drop)
            except OSError:
                continue


def test_an_idle_connection_is_kept_for_a_while_and_no_longer(web: Server) -> None:
    opened = web.connect(head("GET", "/health/live"))
    assert read_answer(opened).status == 200
    opened.sendall(head("GET", "/health/live"))
    assert read_answer(opened).status == 200
    assert until_closed([opened], within_s=GONE_WITHIN_S) == 0


def test_a_slow_body_that_keeps_coming_arrives(web: Server) -> None:
    opened = web.connect(head("POST", "/api/v1/crews", content_length="20000"))
    for _ in range(10):
        opened.sendall(b"a" * 2_000)
        time.sleep(PATIENCE_S / 5)
    assert read_answer(opened).status == 401


def test_who_watches_a_run_is_not_cut_off(web: Server, cast: Cast) -> None:
    run = make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING)
    bearer = f"Bearer {token(cast)}"
    watching = web.connect(head("GET", f"/api/v1/runs/{run.pk}/events", authorization=bearer))
    assert b"text/event-stream" in watching.recv(65_536)
    time.sleep(3 * PATIENCE_S)
    assert still_open([watching])
    watching.settimeout(ANSWER_WITHIN_S)
    Run.objects.filter(pk=run.pk).update(revision=run.revision + 1)
    run_changed(run.pk)
    assert b"event:" in watching.recv(65_536)
    watching.close()
