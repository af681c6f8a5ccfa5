"""Wrong passwords by the hundred, against a real web process: pages go on being answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

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


def wrong_password(url: str, number: int, *, address: str) -> int:
    """As a program sends it: without having looked at the page."""
    csrf = "a" * 32
    typed = {"username": f"person{number}@example.com", "password": "wrong", "csrfmiddlewaretoken": csrf}
    headers = {"X-Forwarded-For": address, "Cookie": f"crewsite_csrf={csrf}"}
    return httpx.post(f"{url}/signin/", data=typed, headers=headers, timeout=100).status_code


@pytest.mark.parametrize(("many", "addresses"), [(20, 1), (200, 200)])
def test_wrong_passwords_at_once_leave_other_pages_answering(web: str, cast: Cast, many: int, addresses: int) -> None:
    _, secret = issue_token(cast.owner)
    visits: list[int] = []
    over = threading.Event()

    def visit() -> None:
        with httpx.Client(base_url=web, timeout=100, headers={"Authorization": f"Bearer {secret}"}) as client:
            while not over.is_set():
                visits.append(client.get("/api/v1/runs").status_code)

    with ThreadPoolExecutor(201) as people:
        visitor = people.submit(visit)
        tried = [people.submit(wrong_password, web, n, address=f"192.0.2.{n % addresses}") for n in range(many)]
        wait(tried)
        over.set()
    visitor.result()
    answers = Counter(answer.result() for answer in tried)
    assert set(answers) <= {200, 429, 503}, "let in or in time, one of too many, or one for whom there was no room"
    assert settings.SIGN_IN_THREADS <= answers[200] <= 100
    assert set(visits) == {200}
    assert len(visits) > 10
