"""A key whose process died, or froze, in the middle: the next request does the work, and nobody does it twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory

from agents_app.actions import create_crew
from agents_app.models import Crew
from teams.api.bearer import ApiRequest
from teams.api.idempotency import once, once_prepared
from teams.models import IdempotentAnswer
from teams.refusals import Conflict, Invalid
from tests.application import ROOT
from tests.cast import Cast
from tests.web_server import database_url

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 30

WORK_AND_WAIT = """
import django; django.setup()
from tests.teams.api.test_idempotency import made, requested
from teams.access import principal
from teams.api.idempotency import once
from teams.models import User

def make():
    answer = made(who, "theirs")
    print("working", flush=True)
    input()
    return answer

who = principal(User.objects.get(email="owner@example.com"), "acme")
print("answered", once(requested(who), make), flush=True)
"""


def requested(who: Any, body: bytes = b"{}") -> ApiRequest:
    headers = {"Idempotency-Key": "one"}
    request: Any = RequestFactory().post("/api/v1/crews", body, content_type="application/json", headers=headers)
    request.auth = who
    return request  # type: ignore[no-any-return]


def made(who: Any, name: str) -> dict[str, Any]:
    return {"slug": create_crew(who, name=name).slug}


@contextmanager
def process_in_the_middle(*, idle_ms: int = 60_000) -> Iterator[subprocess.Popen[str]]:
    """Another process that did its work and has not committed it."""
    options = f"?options=-c%20idle_in_transaction_session_timeout%3D{idle_ms}"
    env = os.environ | {"DATABASE_URL": database_url() + options, "CREWSITE_PROCESS": "web"}
    command = [sys.executable, "-c", WORK_AND_WAIT]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=ROOT, env=env, text=True, **pipes)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def once_free(attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a client gets that asks again as it is told to."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return attempt()
        except Conflict:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_while_another_process_works_on_it_the_key_is_taken(cast: Cast) -> None:
    with process_in_the_middle() as other:
        with pytest.raises(Conflict, match="still being answered"):
            once(requested(cast.owner), lambda: made(cast.owner, "ours"))
        assert other.communicate("\n")[0] == "answered {'slug': 'theirs'}\n"
    assert once(requested(cast.owner), lambda: made(cast.owner, "ours")) == {"slug": "theirs"}
    assert [crew.slug for crew in Crew.objects.all()] == ["theirs"]


def test_the_key_of_a_killed_process_is_free_and_nothing_was_done(cast: Cast) -> None:
    with process_in_the_middle() as other:
        other.kill()
        assert once_free(lambda: once(requested(cast.owner), lambda: made(cast.owner, "ours"))) == {"slug": "ours"}
    assert [crew.slug for crew in Crew.objects.all()] == ["ours"]


def test_a_frozen_process_loses_the_key_and_writes_nothing_when_it_goes_on(cast: Cast) -> None:
    with process_in_the_middle(idle_ms=500) as other:
        other.send_signal(signal.SIGSTOP)
        assert once_free(lambda: once(requested(cast.owner), lambda: made(cast.owner, "ours"))) == {"slug": "ours"}
        other.send_signal(signal.SIGCONT)
        printed, _ = other.communicate("\n")
        assert "answered" not in printed
        assert other.returncode != 0
    assert [crew.slug for crew in Crew.objects.all()] == ["ours"]


def test_of_many_at_once_one_does_the_work(cast: Cast) -> None:
    made_by, answers = [], []
    together = threading.Barrier(8)

    def ask() -> None:
        def make() -> dict[str, Any]:
            made_by.append(threading.get_ident())
            return made(cast.owner, "one")

        try:
            together.wait()
            answers.append(once_free(lambda: once(requested(cast.owner), make)))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"slug": "one"}] * 8
    assert (len(made_by), Crew.objects.count()) == (1, 1)


@pytest.mark.parametrize("fault", [Invalid("No."), KeyboardInterrupt()])
def test_what_failed_may_be_asked_for_again(cast: Cast, fault: BaseException) -> None:
    def fail() -> dict[str, Any]:
        made(cast.owner, "half")
        raise fault

    with pytest.raises(type(fault)):
        once(requested(cast.owner), fail)
    assert not Crew.objects.exists()
    assert once(requested(cast.owner), lambda: made(cast.owner, "ours")) == {"slug": "ours"}


def test_a_key_is_for_one_request(cast: Cast) -> None:
    once(requested(cast.owner), lambda: made(cast.owner, "ours"))
    with pytest.raises(Conflict, match="another request"):
        once(requested(cast.owner, b'{"other": 1}'), lambda: made(cast.owner, "other"))
    assert IdempotentAnswer.objects.count() == 1


def test_what_takes_long_is_done_before_the_transaction_and_not_for_a_repeated_request(cast: Cast) -> None:
    prepared: list[bool] = []
    for _ in "12":
        once_prepared(
            requested(cast.owner),
            lambda: prepared.append(connection.in_atomic_block),
            lambda nothing: made(cast.owner, "ours"),
        )
    assert prepared == [False]
