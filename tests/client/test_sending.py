"""How requests are sent: tried again or not, paged, followed, and with a token that nothing shows."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from crewsite_client import (
    AsyncCrewsite,
    Busy,
    Changed,
    Conflict,
    Crewsite,
    Invalid,
    NotAllowed,
    NotFound,
    Refused,
    Retries,
    ServerFault,
    StillGoing,
    Unreachable,
    UnsafeAddress,
    answers,
)
from crewsite_client.retrying import retry_after_s
from crewsite_client.server_events import EventReader, TooLongError
from tests.client.answering import GONE, Answer, Answering, refusal, sample, stream

TOKEN = "crw_secret_token_that_nobody_may_see"
TEAM = sample(answers.Team)
LAUNCHED = sample(answers.Launched)
AT_ONCE = Retries(times=3, first_wait_s=0.001, most_wait_s=0.002)


def waited(url: str, use: Callable[[Crewsite], Any]) -> Any:
    """What is iterated over comes as a list."""
    with Crewsite(url, TOKEN, retries=AT_ONCE) as site:
        found = use(site)
        return list(found) if isinstance(found, Iterator) else found


def awaited(url: str, use: Callable[[Any], Any]) -> Any:
    """The same with the other client."""

    async def inside() -> Any:
        async with AsyncCrewsite(url, TOKEN, retries=AT_ONCE) as site:
            found = use(site)
            return [one async for one in found] if hasattr(found, "__aiter__") else await found

    return asyncio.run(inside())


Use = Callable[[str, Callable[[Any], Any]], Any]


@pytest.fixture(params=[waited, awaited])
def use(request: pytest.FixtureRequest) -> Use:
    found: Use = request.param
    return found


def launch(site: Any) -> Any:
    return site.launch("support", {"city": "Ulm"})


def test_what_changes_nothing_or_is_done_once_is_sent_again(use: Use, subtests: pytest.Subtests) -> None:
    for name, given, ask in (
        (
            "a read after faults",
            [GONE, refusal(502), refusal(408), Answer(body=TEAM)],
            lambda site: site.team(),
        ),
        ("a launch after faults", [GONE, refusal(503), refusal(409), Answer(202, LAUNCHED)], launch),
        ("a launch that is too much", [refusal(429, Retry_After="0"), Answer(202, LAUNCHED)], launch),
        (
            "a change that was not accepted",
            [refusal(429, Retry_After="0"), Answer(body=sample(answers.RunSummary))],
            lambda site: site.cancel_run("r"),
        ),
    ):
        with subtests.test(name=name), Answering(*given) as server:
            assert use(server.url, ask) == given[-1].body
            assert len(server.asked) == len(given)
            assert len({one.headers.get("Idempotency-Key") for one in server.asked}) == 1
            assert len({one.body for one in server.asked}) == 1


def test_what_may_have_been_done_is_not_sent_again(use: Use, subtests: pytest.Subtests) -> None:
    for answer, kind in ((GONE, Unreachable), (refusal(503), ServerFault), (refusal(409), Conflict)):
        with subtests.test(kind=kind), Answering(answer) as server:
            with pytest.raises(kind):
                use(server.url, lambda site: site.cancel_run("r"))
            assert len(server.asked) == 1
    with Answering(refusal(409)) as server, pytest.raises(Conflict):  # of a first try it is the answer
        use(server.url, launch)
    assert len(server.asked) == 1


def test_tries_come_to_an_end(use: Use) -> None:
    with Answering(refusal(429, Retry_After="0")) as server:
        with pytest.raises(Busy) as caught:
            use(server.url, launch)
        assert (len(server.asked), caught.value.retry_after) == (AT_ONCE.times + 1, 0)
    with Answering(refusal(429, Retry_After="3600")) as server:  # nobody waits an hour in silence
        with pytest.raises(Busy) as caught:
            use(server.url, launch)
        assert (len(server.asked), caught.value.retry_after) == (1, 3600)


def test_a_key_of_ones_own_holds_for_several_calls_and_else_each_has_another(use: Use) -> None:
    with Answering(Answer(202, LAUNCHED)) as server:
        for key in ("mine", "mine", None, None):
            use(server.url, lambda site, key=key: site.launch("support", key=key))
        keys = [one.headers["Idempotency-Key"] for one in server.asked]
    assert keys[:2] == ["mine", "mine"]
    assert len(set(keys)) == 3


def test_how_long_to_wait_is_read_as_a_number_and_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for text, least, most in (("7", 7, 7), (soon, 80, 91), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0)):
        found = retry_after_s(httpx.Response(429, headers={"Retry-After": text}))
        assert found is not None
        assert least <= found <= most
    assert [retry_after_s(httpx.Response(429, headers={"Retry-After": text})) for text in ("soon", "-1", "")] == [
        None
    ] * 3


def test_errors_say_their_code_message_and_fields(use: Use, subtests: pytest.Subtests) -> None:
    kinds = {400: Invalid, 401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 412: Changed, 413: Invalid}
    for status, kind in (kinds | {422: Invalid, 418: Refused, 500: ServerFault}).items():
        with subtests.test(status=status), Answering(refusal(status, message=f"Not {TOKEN}.")) as server:
            with pytest.raises(kind) as caught:
                use(server.url, lambda site: site.team())
            error = caught.value
            assert (error.status, error.code, error.message, error.fields) == (
                status,
                "code",
                "Not ….",
                {"name": "Wrong."},
            )
            assert pickle.loads(pickle.dumps(error)).fields == error.fields
    for answer, text in (
        (Answer(200, b"<html>"), "not as Crewsite"),
        (Answer(200, [1]), "not as Crewsite"),
        (Answer(200, b"no gzip", {"Content-Encoding": "gzip"}), "cannot be reached"),
        (Answer(302, headers={"Location": "https://elsewhere.example.com/"}), "sends elsewhere"),
        (Answer(404, b"nginx"), "answered 404"),
        (Answer(500, {"error": {"code": "x", "message": "y", "fields": 3}}), "answered 500"),
    ):
        kinds_of_it = pytest.raises((Unreachable, Refused), match=text)
        with subtests.test(text=text), Answering(answer) as server, kinds_of_it:
            use(server.url, lambda site: site.team())


def test_pages_are_asked_for_as_they_are_needed(use: Use) -> None:
    pages = [
        Answer(body={"items": [sample(answers.RunSummary, id=str(at))], "next": cursor})
        for at, cursor in enumerate(("a/b", "c", None))
    ]
    with Answering(*pages) as server:
        found = use(server.url, lambda site: site.runs("status:failed -x:ü&y"))
        assert [run["id"] for run in found] == ["0", "1", "2"]
        asked = [httpx.URL(one.path).params for one in server.asked]
    assert [one.get("cursor") for one in asked] == [None, "a/b", "c"]
    assert {one["q"] for one in asked} == {"status:failed -x:ü&y"}
    with Answering(*pages) as server, Crewsite(server.url, TOKEN) as site:
        next(site.runs())
        assert len(server.asked) == 1


def event(state: dict[str, Any], kind: str = "run") -> bytes:
    return f"id: {state['revision']}\nevent: {kind}\ndata: {json.dumps(state, ensure_ascii=False)}\n\n".encode()


def test_a_run_is_followed_over_broken_streams_from_where_it_was(use: Use) -> None:
    states = [
        sample(answers.Run, revision=at, status=status)
        for at, status in enumerate(("queued", "running", "succeeded"), 1)
    ]
    streams = [
        stream(event(states[0]) + event(states[1])[:20], cut=True),
        refusal(503),
        stream(b": still here\n\n"),
        GONE,
        stream(event(states[1]) + event(states[2])),
    ]
    with Answering(*streams) as server:
        assert use(server.url, lambda site: site.events("r")) == states
        assert [one.headers.get("Last-Event-ID") for one in server.asked] == [None, "1", "1", "1", "1"]
    with Answering(*streams) as server:
        assert use(server.url, lambda site: site.wait("r")) == states[2]


def test_a_batch_is_followed_until_nothing_of_it_goes_on(use: Use) -> None:
    """Also a paused one, whose stream the server leaves open, and over a stream that breaks."""
    states = [
        sample(answers.BatchSummary, revision=at, status=status, live=live)
        for at, (status, live) in enumerate((("running", 2), ("paused", 1), ("paused", 0)), 1)
    ]
    first, second, third = (event(state, "batch") for state in states)
    with Answering(stream(first + second[:20], cut=True), stream(second + third, cut=True)) as server:
        assert use(server.url, lambda site: site.batch_events("b")) == states
        assert [one.path for one in server.asked] == ["/api/v1/batches/b/events"] * 2
        assert [one.headers.get("Last-Event-ID") for one in server.asked] == [None, "1"]
    with Answering(stream(first)) as server, pytest.raises(StillGoing, match="batch b had not ended"):
        use(server.url, lambda site: site.batch_events("b", timeout_s=0))


def test_following_ends_where_it_cannot_go_on(use: Use) -> None:
    """The token is revoked meanwhile, the streams bring nothing, or the time is up."""
    running = stream(event(sample(answers.Run, status="running")))
    with Answering(running, refusal(401)) as server, pytest.raises(NotAllowed):
        use(server.url, lambda site: site.events("r"))
    with Answering(GONE) as server:
        with pytest.raises(Unreachable):
            use(server.url, lambda site: site.wait("r"))
        assert len(server.asked) == AT_ONCE.times + 1
    with Answering(stream(b"")) as server, pytest.raises(Unreachable, match="closes the stream"):
        use(server.url, lambda site: site.wait("r"))
    with Answering(running) as server, pytest.raises(StillGoing):
        use(server.url, lambda site: site.wait("r", timeout_s=0))


def test_an_event_that_goes_on_and_on_is_not_kept() -> None:
    for piece in (b"data: x", b"data: x\n", b"x\r"):
        reader = EventReader(most=1_000)
        whole = b"data: y\n\n" + b": still here\n\n"
        assert [event.data for _ in range(200) for event in reader.feed(whole)] == ["y"] * 200
        if piece.endswith(b"\r"):  # such lines say nothing, so nothing of them is kept
            assert not any(reader.feed(piece) for _ in range(2_000))
            continue
        with pytest.raises(TooLongError):
            any(reader.feed(piece) for _ in range(2_000))


def test_events_are_read_as_the_bytes_come() -> None:
    """In any pieces, with any line ends, and with Unicode's line separators inside."""
    text = '{"raw": "one\u2028two\u0085three\x0bfour ✓"}'
    stream = f": hello\r\nid: 7\r\nevent: run\r\ndata: {text}\r\n\r\nid:8\ndata:a\ndata: b\n\ndata: c\r\r".encode()
    for size in (1, 2, 3, 7, len(stream)):
        reader = EventReader()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        found = [one for piece in [*pieces, b"\n"] for one in reader.feed(piece)]
        assert [(one.id, one.event, one.data) for one in found] == [
            ("7", "run", text),
            ("8", "message", "a\nb"),
            ("8", "message", "c"),
        ]


def test_the_token_is_sent_to_safe_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (
        "http://crews.example.com",
        "http://127.0.0.1.example.com",
        "http://[2001:db8::1]",
        "https://name:word@crews.example.com",
        "https://crews.example.com/?q=1",
        "https://[",
        "https://crews.example.com:99999",
        "ftp://127.0.0.1",
        "crews.example.com",
        "",
    ):
        with pytest.raises(UnsafeAddress):
            Crewsite(url, TOKEN)
    Crewsite("http://crews.example.com", TOKEN, over_http=True)
    for url in (
        "http://localhost:8000/",
        "http://127.9.9.9/api/v1/",
        "http://[::1]:8000",
        "https://crews.example.com/x",
    ):
        Crewsite(url, TOKEN)
    for token in ("", "two words", "line\nbreak", "ü"):
        with pytest.raises(UnsafeAddress) as caught:
            Crewsite("https://crews.example.com", token)
        assert not token or token not in str(caught.value)
    with Answering(Answer(302, headers={"Location": "/elsewhere"})) as proxy, Answering(Answer(body=TEAM)) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert Crewsite(server.url, TOKEN).team() == TEAM
        assert (len(proxy.asked), len(server.asked)) == (0, 1)
        with pytest.raises(Unreachable):
            Crewsite(proxy.url, TOKEN).team()
        assert [one.path for one in proxy.asked] == ["/api/v1/team"]


def test_the_token_is_in_no_representation_log_or_error(caplog: pytest.LogCaptureFixture, use: Use) -> None:
    caplog.set_level(logging.DEBUG)
    with Answering(Answer(body=TEAM), refusal(401, message=TOKEN), GONE) as server:
        use(server.url, lambda site: site.team())
        for _ in range(2):
            with pytest.raises((Refused, Unreachable)) as caught:
                use(server.url, launch)
            chain: BaseException | None = caught.value
            while chain is not None:
                assert TOKEN not in f"{chain!s}{chain!r}{vars(chain)}"
                chain = chain.__cause__ or chain.__context__
        assert server.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert re.search("httpcore|httpx", caplog.text)
    assert TOKEN not in caplog.text
    for site in (Crewsite(server.url, TOKEN), AsyncCrewsite(server.url, TOKEN)):
        shown = f"{site!r}{vars(site)}{vars(site._connection)}{vars(site._http)}"
        assert TOKEN not in shown
        with pytest.raises(TypeError):
            pickle.dumps(site._connection)
