"""What the server's protocol refuses by itself: heads without an end, ambiguous bodies, floods of connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
import uvicorn

from crewsite.serving import protocol
from crewsite.serving.protocol import MAX_HEAD_BYTES, MAX_PIPELINED, MAX_TARGET_BYTES, BoundedProtocol
from teams.guessing.address import counted_address
from tests.application import free_port
from tests.crewsite.serving.clients import Server, chunks, head, read_answer, until_closed

LARGE_ANSWER = 20_000_000


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path and what it read, or with much under ``/large``."""
    read = 0
    while True:
        message = await receive()
        read += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = b"a" * LARGE_ANSWER if scope["path"] == "/large" else f"{scope['path']} {read}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The protocol in uvicorn, around a small application, on a thread of its own."""
    settings.REQUEST_PATIENCE_S = settings.KEEP_ALIVE_S = 2
    monkeypatch.setattr(protocol, "MAX_STALLED_S", 1)
    monkeypatch.setattr(protocol, "LINGER_S", 1)
    options: dict[str, Any] = {"ws": "none", "lifespan": "off", "log_config": None, "timeout_graceful_shutdown": 1}
    port = free_port()
    running = uvicorn.Server(uvicorn.Config(application, port=port, http=BoundedProtocol, **options))
    thread = threading.Thread(target=running.run)
    thread.start()
    one = Server(port)
    while not one.listens():
        time.sleep(0.02)
    yield one
    running.should_exit = True
    thread.join(30)


def test_an_ordinary_request_is_answered(server: Server) -> None:
    assert server.ask_for("/here").text == "/here 0"
    assert server.ask(head("POST", "/here", content_length="5"), b"abcde").text == "/here 5"
    assert server.ask(head("POST", "/here", transfer_encoding="chunked"), *chunks(1_000_000)).text == "/here 1000000"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head("GET", "/" + "a" * (MAX_TARGET_BYTES - 100)), 200),
        (head("GET", "/" + "a" * MAX_TARGET_BYTES), 414),
        (head("GET", "/", x="a" * (MAX_HEAD_BYTES - 1_000)), 200),
        (head("GET", "/", x="a" * MAX_HEAD_BYTES), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * MAX_HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 3_000_000, 431),
        (b"GET /" + b"a" * 3_000_000, 414),
        (b"\r\n" * 100_000, 431),
        (b"nonsense\r\n\r\n", 400),
    ],
    ids=[
        "long address",
        "too long",
        "long header",
        "too long header",
        "many",
        "no end",
        "no end to it",
        "empty",
        "none",
    ],
)
def test_the_head_of_a_request_is_bounded(server: Server, sent: bytes, status: int) -> None:
    answer = server.ask(sent)
    assert answer.status == status
    if status != 200:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "doubtful",
    [
        head("POST", "/", transfer_encoding="chunked", content_length="5") + b"0\r\n\r\n",
        head("POST", "/", content_length="5").replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n") + b"abcdef",
        head("POST", "/", content_length="-5") + b"abcde",
        head("POST", "/", content_length="5 5") + b"abcde",
        head("POST", "/", transfer_encoding="chunked") + b"zz\r\n",
        head("POST", "/", transfer_encoding="chunked, identity") + b"0\r\n\r\n",
    ],
    ids=["both", "two lengths", "negative", "two in one", "no number", "chunked is not last"],
)
def test_a_body_whose_length_is_in_doubt_is_refused_and_the_connection_closed(server: Server, doubtful: bytes) -> None:
    with closing(server.connect(doubtful + head("GET", "/smuggled"))) as opened:
        answer = read_answer(opened)
        assert answer.status == 400
        assert until_closed([opened], within_s=10) == 0


@pytest.mark.parametrize(
    "junk",
    [b"5;" + b"a" * 3_000_000, b"0\r\nX: " + b"a" * 3_000_000, b"0\r\n" + b"a: b\r\n" * 200_000],
    ids=["an extension", "a trailer", "trailers"],
)
def test_what_comes_around_chunks_is_bounded(server: Server, junk: bytes) -> None:
    with closing(server.send([head("POST", "/", transfer_encoding="chunked"), junk])) as opened:
        assert read_answer(opened).status in (0, 431)
        assert until_closed([opened], within_s=10) == 0


def test_requests_in_a_row_are_answered_in_order_and_no_more_than_a_few_are_kept(server: Server) -> None:
    with closing(server.connect(b"".join(head("GET", f"/{n}") for n in range(10)))) as opened:
        texts = b""
        while texts.count(b"HTTP/1.1 200") < 10:
            texts += opened.recv(65_536)
    places = [texts.index(b"/%d 0" % n) for n in range(10)]
    assert places == sorted(places)
    with closing(server.send([head("GET", "/") * (100 * MAX_PIPELINED)])) as opened:
        assert until_closed([opened], within_s=10) == 0


def test_an_upgrade_that_there_is_none_for_stays_within_bounds(server: Server) -> None:
    wanted = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13", "sec_websocket_key": "a"}
    with closing(server.connect(head("GET", "/here", **wanted))) as opened:
        assert read_answer(opened).status == 200
        assert until_closed([opened], within_s=20) == 0


def test_an_answer_that_nobody_reads_is_given_up(server: Server) -> None:
    with closing(socket.socket()) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        opened.connect(("127.0.0.1", server.port))
        opened.sendall(head("GET", "/large"))
        time.sleep(6)
        received = 0
        opened.settimeout(10)
        with suppress(ConnectionError):
            while data := opened.recv(1_000_000):
                received += len(data)
    assert received < LARGE_ANSWER


def test_connections_are_bounded_in_all(server: Server, settings: Any) -> None:
    settings.MAX_CONNECTIONS = 10
    opened = [server.connect(b"GET") for _ in range(10)]
    refused = server.connect()
    assert read_answer(refused).status == 503
    assert until_closed(opened, within_s=20) == 0
    assert server.ask_for("/again").status == 200


def test_connections_are_bounded_by_address(server: Server, settings: Any) -> None:
    settings.CONNECTIONS_PER_ADDRESS = 5
    opened = [server.connect(b"GET") for _ in range(5)]
    answer = read_answer(server.connect())
    assert answer.status == 503
    assert answer.headers["retry-after"]
    assert until_closed(opened, within_s=20) == 0
    assert server.ask_for("/again").status == 200
    settings.CONNECTIONS_PER_ADDRESS = 0
    opened = [server.connect(b"GET") for _ in range(20)]
    assert server.ask_for("/behind-a-proxy").status == 200
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_is_one_address(client: str, address: str) -> None:
    assert counted_address(client) == address
