"""What every answer carries, whoever gives it: nobody guesses its kind, and what is for one person is not kept."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from asgiref.sync import async_to_sync

from crewsite.serving.answers import CommonHeaders, Message, Receive, Scope, Send
from runs.states import RunState
from tests.cast import Cast, make_crew
from tests.crewsite.serving.clients import Server, head
from tests.crewsite.serving.test_bodies import session, token
from tests.ledger import make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head("GET", "/signin/"), 200),
        (head("GET", "/health/live"), 200),
        (head("GET", "/metrics"), 200),
        (head("GET", "/static/css/site.css"), 200),
        (head("GET", "/static/no-such.css"), 404),
        (head("GET", "/no/such/path"), 404),
        (head("GET", "/api/v1/crews"), 401),
        (head("GET", "/?a=").replace(b"a=", b"a=\xff"), 400),
        (head("POST", "/signin/", content_length="99999999"), 413),
        (b"nonsense\r\n\r\n", 400),
        (head("GET", "/" + "a" * 9_000), 414),
    ],
    ids=lambda value: value[:40].decode("latin-1").strip() if isinstance(value, bytes) else str(value),
)
def test_no_answer_is_guessed_at(web: Server, sent: bytes, status: int) -> None:
    answer = web.ask(sent)
    assert answer.status == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


def test_what_is_for_one_person_is_not_kept_and_what_is_for_all_is(web: Server, cast: Cast) -> None:
    crew = make_crew(cast.owner)
    run = make_run(cast.owner, crew, state=RunState.SUCCEEDED)
    signed = httpx.Client(base_url=web.url, cookies=session(cast))
    for path in ("/t/acme/crews/", f"/t/acme/crews/{crew.slug}/", f"/t/acme/runs/{run.pk}/", "/t/acme/none/", "/"):
        assert signed.get(path).headers["cache-control"] == "no-store", path
    api = httpx.Client(base_url=f"{web.url}/api/v1", headers={"authorization": f"Bearer {token(cast)}"})
    for path in ("/crews", f"/runs/{run.pk}", "/no-such-thing"):
        assert api.get(path).headers["cache-control"] == "no-store", path
    assert "no-store" not in signed.get("/static/css/site.css").headers["cache-control"]
    with signed.stream("GET", f"/t/acme/runs/{run.pk}/events/") as stream:
        assert stream.headers["cache-control"] == "no-cache"


def test_an_application_that_fails_is_answered_for() -> None:
    sent: list[Message] = []

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a bug")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(ValueError, match="a bug"):
        async_to_sync(CommonHeaders(fails))(scope, receive, send)
    assert sent[0]["status"] == 500
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    assert (b"cache-control", b"no-store") in sent[0]["headers"]


def test_hsts_is_sent_once_the_proxy_says_that_it_is_https(start: Callable[..., Server]) -> None:
    server = start(PUBLIC_URL="https://crews.example.com")
    forwarded = {"host": "crews.example.com", "x_forwarded_proto": "https"}
    assert "strict-transport-security" in server.ask(head("GET", "/signin/", **forwarded)).headers
