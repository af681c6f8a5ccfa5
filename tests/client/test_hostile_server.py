"""What a server does that means no good, or is none of ours: each time one clear error, soon and in bounded memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crewsite_client import (
    AsyncCrewsite,
    Crewsite,
    CrewsiteError,
    Invalid,
    Retries,
    Unreachable,
    Unsendable,
    answers,
    asks,
)
from crewsite_client.errors import TooLarge
from crewsite_client.sets import answers as set_answers
from crewsite_client.shapes import MisshapenError, check
from tests.client.answering import Answer, Answering, refusal, sample, stream
from tests.client.test_sending import TOKEN, Use, event, use

__all__ = ["use"]
KINDS: list[Any] = [
    one
    for module in (answers, set_answers)
    for one in vars(module).values()
    if getattr(one, "__module__", "").startswith("crewsite_client") and hasattr(one, "__required_keys__")
]
RUN = sample(answers.Run, status="succeeded", revision=3)


def test_what_no_crewsite_answers_is_an_error_of_ours(
    use: Use, subtests: pytest.Subtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = b'{"error": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    packed = Answer(200, gzip.compress(b'{"name": "' + b"x" * 2_000_000 + b'"}'), {"Content-Encoding": "gzip"})
    far = {"Retry-After": "Thu, 01 Jan 99999999999999 00:00:00 GMT"}
    cases: dict[str, tuple[Answer, Callable[[Any], Any], type[Exception]]] = {
        "deep": (Answer(200, deep), lambda site: site.team(), Unreachable),
        "a deep error": (Answer(422, deep), lambda site: site.team(), Invalid),
        "a date beyond all": (Answer(422, {}, far), lambda site: site.team(), Invalid),
        "packed twice": (Answer(200, b"", {"Content-Encoding": "gzip, gzip"}), lambda site: site.team(), Unreachable),
        "packed otherwise": (Answer(200, b"", {"Content-Encoding": "br"}), lambda site: site.team(), Unreachable),
        "large once unpacked": (packed, lambda site: site.team(), Unreachable),
        "a large error": (replace(packed, status=422), lambda site: site.team(), Unreachable),
        "a large refusal of events": (replace(packed, status=422), lambda site: site.events("x"), Unreachable),
        "pages in a ring": (Answer(200, {"items": [], "next": "a"}), lambda site: site.crews(), Unreachable),
        "a run without a state": (stream(b"event: run\ndata: {}\n\n"), lambda site: site.events("x"), Unreachable),
    }
    monkeypatch.setattr("crewsite_client.connection.MOST_JSON_BYTES", 1_000_000)
    for name, (answer, ask, kind) in cases.items():
        with subtests.test(name), Answering(answer) as server:
            with pytest.raises(kind):
                use(server.url, ask)
            assert len(server.asked) <= 2


def places_of(kind: Any, value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place of a sample that the client may read."""
    for name in value if isinstance(value, dict) else ():
        yield (*place, name)
        yield from places_of(kind, value[name], (*place, name))


def changed(value: Any, place: tuple[Any, ...], to: Any) -> Any:
    first, *rest = place
    inside = {name: one for name, one in value.items() if name != first or to is not GAP}
    return (
        inside if to is GAP and not rest else inside | {first: changed(value[first], tuple(rest), to) if rest else to}
    )


GAP = object()


def fault_of(kind: Any, value: Any) -> str:
    try:
        check(kind, value)
    except MisshapenError as fault:
        return str(fault)
    return ""


def test_whatever_is_missing_or_odd_in_an_answer_is_told_by_its_place() -> None:
    """Of all kinds of answers, and each of their fields."""
    assert len(KINDS) > 40
    seen = 0
    for kind in KINDS:
        good = sample(kind)
        check(kind, good)
        check(kind, good | {"newer": 1})
        for place in places_of(kind, good):
            for odd in (GAP, object()):  # nothing has room for the latter but what people gave, where all JSON may be
                said = fault_of(kind, changed(good, place, odd))
                assert odd is not GAP or said == f"{'.'.join(place)} is missing"
                seen += said.startswith(".".join(place))
    assert seen > 400


@pytest.mark.parametrize(
    ("kind", "field", "odd"),
    [
        (answers.RunSummary, "duration_ms", 10**400),
        (answers.RunSummary, "duration_ms", 1.5),
        (answers.RunSummary, "duration_ms", True),
        (answers.RunSummary, "created_at", "yesterday"),
        (answers.RunSummary, "created_at", "2026-11-30T06:00:01"),
        (answers.Usage, "cost_usd", "1e999999999"),
        (answers.Usage, "cost_usd", "NaN"),
        (answers.Usage, "cost_usd", "9" * 5_000),
        (answers.Rating, "mean", float("inf")),
        (answers.Crew, "inputs", {"city": 3}),
        (answers.Bill, "by", {"crew": [{}]}),
        (answers.Output, "json", json.loads("[" * 101 + "]" * 101)),
        (set_answers.Schedule, "next", ["soon"]),
    ],
)
def test_figures_that_nobody_can_reckon_with_are_refused(kind: Any, field: str, odd: Any) -> None:
    with pytest.raises(MisshapenError, match=field):
        check(kind, sample(kind, **{field: odd}))


def test_other_json_than_asked_for_is_one_clear_error(use: Use, subtests: pytest.Subtests) -> None:
    for body in ({}, {"items": {}, "next": None}, {"items": [{}], "next": None}, [], "text", None, b"NaN", b"1e999"):
        with subtests.test(body=body), Answering(Answer(body=body)) as server:
            for ask in (
                lambda site: site.team(),
                lambda site: site.runs(),
                lambda site: site.bills(),
                lambda site: site.launch("support"),
                lambda site: site.data_sets(),
                lambda site: site.schedule_times("s"),
                lambda site: site.events("r", last_id="1"),
            ):
                with pytest.raises(Unreachable, match="not as Crewsite does"):
                    use(server.url, ask)


def test_who_has_the_last_state_already_is_told_nothing_more(use: Use) -> None:
    """The server has no stream for what ended, and leaves that of a paused batch open for ever."""
    with Answering(Answer(body=RUN)) as server:
        assert use(server.url, lambda site: site.events("r", last_id="3")) == []
        assert use(server.url, lambda site: site.events("r", last_id="2")) == [RUN]
        assert {one.path.partition("?")[0] for one in server.asked} == {"/api/v1/runs/r"}
    paused = sample(answers.Batch, status="paused", live=0)
    with Answering(Answer(body=paused)) as server:
        assert use(server.url, lambda site: site.batch_events("b", last_id="stamp")) == [paused]
    going = sample(answers.Run, status="running", revision=3)
    with Answering(Answer(body=going), stream(event(RUN))) as server:
        assert use(server.url, lambda site: site.events("r", last_id="3")) == [RUN]
        assert server.asked[1].headers["Last-Event-ID"] == "3"


def test_pages_of_nothing_come_to_an_end(use: Use) -> None:
    pages = [Answer(body={"items": [], "next": str(at)}) for at in range(100)]
    with Answering(*pages) as server:
        with pytest.raises(Unreachable, match="pages without an end"):
            use(server.url, lambda site: site.runs())
        assert len(server.asked) < 30


def test_pages_that_are_too_large_are_asked_for_smaller(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crewsite_client.connection.MOST_JSON_BYTES", 10_000)
    large = Answer(body={"items": [RUN], "next": None, "x": "x" * 20_000})
    good = Answer(body={"items": [RUN], "next": "a"})
    with Answering(large, good, Answer(body={"items": [RUN], "next": None})) as server:
        assert use(server.url, lambda site: site.runs()) == [RUN, RUN]
        asked = [dict(parse_qsl(urlsplit(one.path).query)) for one in server.asked]
    assert [(one["limit"], one.get("cursor")) for one in asked] == [("200", None), ("25", None), ("25", "a")]
    with Answering(large) as server:
        with pytest.raises(TooLarge):
            use(server.url, lambda site: site.runs())
        assert len(server.asked) == 4  # of 200, 25, 3 and 1


def test_what_a_server_gave_is_sent_back_only_as_what_it_should_be(use: Use) -> None:
    """Ids of events go into a header of the next request, and cookies would."""
    for odd in ("\u00fc", "\x01", "x" * 5_000):
        told = f"id: {odd}\nevent: run\ndata: {json.dumps(sample(answers.Run, status='running'))}\n\n"
        with Answering(stream(told.encode(), cut=True)) as server:
            with pytest.raises(Unreachable, match="an event whose id is none"):
                use(server.url, lambda site: site.events("r"))
            assert len(server.asked) == 1
    cookie = {"Set-Cookie": "session=\u00fc; Path=/"}
    pages = [Answer(body={"items": [RUN], "next": cursor}, headers=cookie) for cursor in ("a", None)]
    with Answering(*pages) as server:
        assert len(use(server.url, lambda site: site.runs())) == 2
        assert [one.headers.get("Cookie") for one in server.asked] == [None, None]


def test_names_lead_to_no_other_address_and_texts_are_texts(use: Use, subtests: pytest.Subtests) -> None:
    half = "\ud800"
    for name, ask in {
        "up": lambda site: site.crew(".."),
        "here": lambda site: site.delete_schedule("."),
        "nothing": lambda site: site.run(""),
        "half a pair in a name": lambda site: site.crew(half),
        "in a filter": lambda site: site.runs(half),
        "in a text": lambda site: site.launch("support", {"city": half}),
        "no number": lambda site: site.launch("support", {"city": float("nan")}),
        "an id of two lines": lambda site: site.events("r", last_id="a\nb"),
        "a revision that is none": lambda site: site.cancel_run("r", revision="\u00fc"),
        "a key of two lines": lambda site: site.launch("support", key="a\nb"),
    }.items():
        with subtests.test(name), Answering(Answer()) as server:
            with pytest.raises(Unsendable):
                use(server.url, ask)
            assert server.asked == []


@contextmanager
def saying(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of sockets alone: ``say`` is called for each request that came, until its reader has gone."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                heard, _ = listening.accept()
                threading.Thread(target=answer, args=(heard,), daemon=True).start()

    def answer(heard: socket.socket) -> None:
        with heard, suppress(OSError):
            heard.recv(100_000)
            say(heard)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
GZIPPED = CHUNKED + b"Content-Encoding: gzip\r\n\r\n"
NOTHING = zlib.compressobj(wbits=31)
BEGIN, EMPTY = NOTHING.compress(b"") + NOTHING.flush(zlib.Z_FULL_FLUSH), b"\0\0\0\xff\xff"
"""Packed data of which nothing comes out, however much of it there is."""


def over_and_over(piece: bytes, pause_s: float = 0.0) -> Callable[[socket.socket], None]:
    def say(heard: socket.socket) -> None:
        while True:
            heard.sendall(piece)
            time.sleep(pause_s)

    return say


def after(head: bytes, then: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def say(heard: socket.socket) -> None:
        heard.sendall(head)
        then(heard)

    return say


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


WITHOUT_END: dict[str, Callable[[socket.socket], None]] = {
    "a head that drips": after(b"HTTP/1.1 200 OK\r\nX: ", over_and_over(b"x", 0.02)),
    "heads before the head": over_and_over(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body that drips": after(HEAD + b"Content-Length: 1000000\r\n\r\n", over_and_over(b" ", 0.02)),
    "chunks that drip": after(CHUNKED + b"\r\n", over_and_over(chunk(b" "), 0.02)),
    "packed nothings": after(GZIPPED + chunk(BEGIN), over_and_over(chunk(EMPTY))),
    "nothing at all": after(b"", over_and_over(b"", 0.02)),
}


@pytest.mark.parametrize("name", WITHOUT_END)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_answer_that_never_ends_is_given_up(name: str, asynchronous: bool) -> None:
    """Each wait is short, so that no limit of a single one helps."""
    options: Any = {"timeout_s": 0.1, "retries": Retries(times=0)}

    async def inside(url: str) -> None:
        async with AsyncCrewsite(url, TOKEN, **options) as site:
            await site.team()

    def outside(url: str) -> None:
        Crewsite(url, TOKEN, **options).team()

    with saying(WITHOUT_END[name]) as url, pytest.raises(Unreachable):
        asyncio.run(inside(url)) if asynchronous else outside(url)


def test_a_stream_of_events_may_last_and_its_opening_may_not(use: Use) -> None:
    began = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    told = event(RUN)

    def slowly(heard: socket.socket) -> None:
        for at in range(8):
            heard.sendall(chunk(b": still here %d\n\n" % at))
            time.sleep(0.1)
        heard.sendall(chunk(told))

    options: Any = {"timeout_s": 0.1, "retries": Retries(times=0)}
    with saying(after(began, slowly)) as url:
        assert list(Crewsite(url, TOKEN, **options).events("r")) == [RUN]
    with saying(WITHOUT_END["a head that drips"]) as url, pytest.raises(Unreachable):
        list(Crewsite(url, TOKEN, **options).events("r"))
    for answer in (Answer(body=event(RUN)), Answer(body=b"<html>", headers={"Content-Type": "text/html"})):
        with Answering(answer) as server, pytest.raises(Unreachable, match="no stream of events"):
            use(server.url, lambda site: site.events("r"))
        assert len(server.asked) == 1


def test_a_download_takes_no_page_no_error_and_nothing_of_a_broken_try(use: Use) -> None:
    ask = asks.batch_results("b", "csv")
    table = {"Content-Type": "text/csv", "Content-Disposition": 'attachment; filename="a-batch.csv"'}
    into = BytesIO()
    with Answering(
        Answer(body=b"half", headers=table, cut=True), refusal(503), Answer(body=b"row\n", headers=table)
    ) as server:
        saved = use(server.url, lambda site: site.download(ask, into))
    assert (saved.name, saved.media_type, saved.size, into.getvalue()) == ("a-batch.csv", "text/csv", 4, b"row\n")
    for answer, kind in (
        (refusal(422), Invalid),
        (Answer(body=b"<html>", headers={"Content-Type": "text/html; charset=x"}), Unreachable),
    ):
        into = BytesIO()
        with Answering(answer) as server, pytest.raises(kind):
            use(server.url, lambda site, into=into: site.download(ask, into))
        assert b"error" not in into.getvalue()


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ("../../.bashrc", "bashrc"),
        ("C:\\autoexec.bat", "autoexec.bat"),
        ("-rf *", "rf"),
        ("a\x9b2Jb ü.json", "a2Jb.json"),
        ("..", "file"),
        ("x" * 300 + ".json", "x" * 250 + ".json"),
    ],
)
def test_a_name_from_the_server_is_no_path(named: str, name: str) -> None:
    answer = Answer(body=b"", headers={"Content-Disposition": f'attachment; filename="{named}"'})
    with Answering(answer) as server:
        assert Crewsite(server.url, TOKEN).export("support").name == name


def test_the_token_goes_nowhere_else(use: Use) -> None:
    with Answering(Answer(body=sample(answers.Team))) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            for location in (elsewhere.url, f"//{elsewhere.url.partition('//')[2]}/api/v1/team"):
                with Answering(Answer(status, headers={"Location": location})) as server:
                    for ask in (lambda site: site.team(), lambda site: site.events("r"), lambda site: site.launch("c")):
                        with pytest.raises(CrewsiteError, match="sends elsewhere"):
                            use(server.url, ask)
        assert elsewhere.asked == []
