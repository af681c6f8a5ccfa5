"""Bodies are bounded before anything of them is kept: small for strangers, by address for who is signed in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from crewsite.api import api
from crewsite.serving import bodies, body_limits
from crewsite.serving.answers import Message, Receive, Scope, Send
from crewsite.serving.bodies import BoundedBodies
from crewsite.serving.body_limits import LARGE, ORDINARY, SMALL, most_bytes
from teams.actions import issue_token
from teams.models import Scope as TokenScope
from tests.cast import Cast
from tests.crewsite.serving.clients import Server, chunks, head

pytestmark = pytest.mark.django_db(transaction=True)

HUGE = 60_000_000
FORM = "application/x-www-form-urlencoded"


def blocks(size: int) -> Iterable[bytes]:
    return (b"a" * 500_000 for _ in range(size // 500_000))


def session(cast: Cast) -> dict[str, str]:
    """Cookies of somebody who is signed in."""
    client = Client()
    client.force_login(cast.owner.user)
    return {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}


def token(cast: Cast) -> str:
    return issue_token(cast.owner, scope=TokenScope.EDIT)[1]


@pytest.mark.parametrize("way", ["by length", "chunked"])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/signin/", {}, 413),
        ("/t/acme/knowledge/add/", {}, 413),
        ("/t/acme/knowledge/add/", {"cookie": f"crewsite_session={'a' * 32}"}, 413),
        ("/t/acme/knowledge/add/", {"content-type": "multipart/form-data; boundary=x"}, 413),
        ("/no/such/path", {}, 404),
        ("/static/css/site.css", {}, 404),
        ("/api/v1/crews", {}, 413),
        ("/api/v1/documents", {"authorization": "Bearer crw_wrong"}, 413),
        ("/api/v1/nothing", {}, 404),
    ],
)
def test_nobody_who_is_signed_out_gets_a_large_body_in(
    web: Server, path: str, headers: dict[str, str], status: int, way: str
) -> None:
    if way == "by length":
        sent = [head("POST", path, content_length=str(HUGE), **headers), *blocks(HUGE)]
    else:
        sent = [head("POST", path, transfer_encoding="chunked", **headers), *chunks(HUGE)]
    answer = web.ask(*sent)
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if path.startswith("/api/"):
        assert json.loads(answer.body)["error"]["code"] == ("too_large" if status == 413 else "not_found")
    else:
        assert answer.headers["content-type"].startswith("text/html")


def test_it_is_refused_before_it_is_asked_for(web: Server) -> None:
    expecting = {"content_type": FORM, "expect": "100-continue"}
    assert web.ask(head("POST", "/signin/", content_length=str(HUGE), **expecting)).status == 413
    assert web.ask(head("POST", "/no/such/path", content_length="5", **expecting)).status == 404
    assert web.ask(head("POST", "/signin/", content_length="5", **expecting)).status == 100


def test_a_client_that_sends_all_before_it_reads_learns_why(web: Server) -> None:
    answer = httpx.post(f"{web.url}/t/acme/knowledge/add/", content=b"a" * 5_000_000, headers={"content-type": FORM})
    assert answer.status_code == 413
    assert "nobody is signed in" in answer.text


def test_small_bodies_come_in_from_anybody(web: Server) -> None:
    body = b"a" * (SMALL - 1)
    answer = web.ask(head("POST", "/api/v1/crews", content_length=str(len(body))), body)
    assert answer.status == 401


@pytest.mark.parametrize("chunked", [False, True], ids=["by length", "chunked"])
def test_who_is_signed_in_may_send_what_the_address_takes_and_no_more(web: Server, cast: Cast, chunked: bool) -> None:
    cookies = session(cast)
    signed = httpx.Client(base_url=web.url, cookies=cookies, timeout=60)
    page = signed.get("/t/acme/crews/import/").text
    secret = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]

    def post(path: str, size: int) -> int:
        text = f"csrfmiddlewaretoken={secret}&source={'a' * size}".encode()
        content = iter([text[at : at + 100_000] for at in range(0, len(text), 100_000)]) if chunked else text
        headers = {"content-type": FORM, "origin": web.url}
        return signed.post(path, content=content, headers=headers).status_code

    assert post("/t/acme/crews/import/", 1_900_000) == 422  # read, and not understood
    assert post("/t/acme/crews/import/", LARGE["t/<slug:team>/crews/import/"]) == 413
    assert post("/t/acme/crews/new/", 500_000) in (200, 422)
    assert post("/t/acme/crews/new/", ORDINARY) == 413
    assert post("/signin/", ORDINARY) == 413
    assert post("/no/such/path", 100) == 404


def test_files_come_in_with_a_token_that_works(web: Server, cast: Cast) -> None:
    client = httpx.Client(base_url=web.url, headers={"authorization": f"Bearer {token(cast)}"}, timeout=60)
    sent = client.post("/api/v1/documents", files={"file": ("a.txt", b"a word " * 600_000)})
    assert sent.status_code == 201, sent.text
    too_large = client.post("/api/v1/documents", files={"file": ("a.txt", b"a word " * 1_000_000)})
    assert too_large.status_code == 413
    assert too_large.json()["error"]["code"] == "too_large"


def test_a_session_is_no_token_and_a_token_no_session(web: Server, cast: Cast) -> None:
    large = {"content_length": "3000000", "content_type": "application/json"}
    cookie = "; ".join(f"{name}={value}" for name, value in session(cast).items())
    assert web.ask(head("POST", "/api/v1/crews", cookie=cookie, **large)).status == 413
    bearer = f"Bearer {token(cast)}"
    assert web.ask(head("POST", "/t/acme/knowledge/add/", authorization=bearer, **large)).status == 413


@pytest.mark.parametrize("key", ["", "short", "a" * 31 + "\\000", "' OR 1=1 --", "a" * 5000])
def test_what_can_be_no_session_is_none(web: Server, key: str) -> None:
    sent = head("POST", "/t/acme/knowledge/add/", cookie=f'crewsite_session="{key}"', content_length="3000000")
    assert web.ask(sent).status == 413


def test_all_large_bodies_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from asgiref.sync import async_to_sync

    monkeypatch.setattr(bodies, "MAX_HELD_BYTES", 150_000)

    async def signed_in(scope: Scope) -> bool:
        return True

    monkeypatch.setattr(bodies, "is_signed_in", signed_in)
    answers: list[Message] = []

    async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def once(size: int) -> int:
        parts: Iterator[bytes] = iter([b"a" * 50_000] * (size // 50_000))

        async def receive() -> Message:
            part = next(parts, b"")
            return {"type": "http.request", "body": part, "more_body": bool(part)}

        async def send(message: Message) -> None:
            answers.append(message)

        headers = [(b"transfer-encoding", b"chunked")]
        await bounded({"type": "http", "method": "POST", "path": "/signin/", "headers": headers}, receive, send)
        status: int = next(message["status"] for message in answers if "status" in message)
        answers.clear()
        return status

    bounded = BoundedBodies(reads_all)
    ask = async_to_sync(once)
    assert ask(150_000) == 200
    assert ask(400_000) == 503
    assert ask(150_000) == 200, "what a request held is given back, however it ended"


def test_each_limit_is_of_an_address_that_there_is() -> None:
    assert set(LARGE) <= {route for route, _ in routes()}


def test_each_address_that_takes_files_has_a_limit_of_its_own() -> None:
    takes_files = {
        f"api/v1{prefix}{path}".replace("{", "<").replace("}", ">")
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        if "multipart/form-data" in str(operation.openapi_extra)
    }
    assert takes_files
    assert takes_files <= set(LARGE)
    with_files = {route for route, view in routes() if "FILES" in names_in(view)}
    assert with_files
    assert with_files <= set(LARGE)


def test_no_limit_lets_in_more_than_a_disk_notices() -> None:
    assert max(LARGE.values()) <= 21_000_000
    assert most_bytes("/no/such/path") is None
    assert body_limits.TEXTS == settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, object]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from routes(pattern, route)


def names_in(view: object) -> set[str]:
    """The attributes that a view's own code reads."""
    while hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    code = getattr(view, "__code__", None)
    return set(code.co_names) if code else set()
