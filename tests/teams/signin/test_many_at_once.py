"""Wrong passwords by the hundred, against a real web process: pages go on being answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from uuid import uuid4

import httpx
import pytest
from django.conf import settings

from teams.actions import issue_token
from tests.cast import Cast, make_cast
from tests.web_server import web_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def web(cast: Cast) -> Iterator[str]:
    with web_server(BEHIND_PROXY="1") as url:
        yield url


def wrong_password(url: str, address: str) -> int:
    """As a program sends it: without having looked at the page."""
    csrf = "a" * 32
    typed = {"username": f"{uuid4().hex}@example.com", "password": "wrong", "csrfmiddlewaretoken": csrf}
    headers = {"X-Forwarded-For": address, "Cookie": f"crewsite_csrf={csrf}"}
    return httpx.post(f"{url}/signin/", data=typed, headers=headers, timeout=100).status_code


def test_wrong_passwords_at_once_leave_other_pages_answering(web: str, cast: Cast, subtests: pytest.Subtests) -> None:
    """From one address, and from as many as there are tries."""
    _, secret = issue_token(cast.owner)
    for addresses in (["192.0.2.1"] * 20, [f"198.51.100.{n}" for n in range(200)]):
        with subtests.test(tries=len(addresses)):
            _assert_others_are_answered(web, secret, addresses)


def _assert_others_are_answered(web: str, secret: str, addresses: list[str]) -> None:
    visits: list[int] = []
    over = threading.Event()

    def visit() -> None:
        with httpx.Client(base_url=web, timeout=100, headers={"Authorization": f"Bearer {secret}"}) as client:
            while not over.is_set():
                visits.append(client.get("/api/v1/runs").status_code)

    with ThreadPoolExecutor(201) as people:
        visitor = people.submit(visit)
        tried = [people.submit(wrong_password, web, address) for address in addresses]
        wait(tried)
        over.set()
    visitor.result()
    answers = Counter(answer.result() for answer in tried)
    assert set(answers) <= {200, 429, 503}, "let in or in time, one of too many, or one for whom there was no room"
    assert settings.SIGN_IN_THREADS <= answers[200] <= 100
    assert set(visits) == {200}
    assert len(visits) > 10
