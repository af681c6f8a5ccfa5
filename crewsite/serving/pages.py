"""Django behind bounded threads: requests are worked on by a few threads, wait a few seconds, or are sent away.

Django's own handler starts a thread for each request and hops between it and the event loop six times. Here a request
takes one thread, once, from the first middleware to the last; only what a live stream sends later, and the wait for a
run's end, are async. Threads that use the database's pool are no more than it has connections, so none waits for one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, cast

from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import DatabaseError
from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import Resolver404, resolve, reverse, set_script_prefix

from crewsite import http_metrics
from crewsite.health.views import PATHS as ASKED_BY_MACHINES
from crewsite.methods import STREAMS
from crewsite.serving.answers import Message, Receive, Refused, Scope, Send, answer
from crewsite.serving.room import Bounds, NoRoom, Room
from crewsite.serving.shares import Shares, person_of
from engine.bounded import counted_on
from teams.api.later import Later, Outcome

log = logging.getLogger(__name__)

PAGE_BOUNDS = Bounds(at_work=settings.PAGE_THREADS, waiting=100, patience_s=5, share=0.4)
MACHINE_BOUNDS = Bounds(at_work=4, waiting=64, patience_s=2)
"""A check may wait for the database for two seconds; it holds no connection of the pool."""
OPENING_BOUNDS = Bounds(at_work=1, waiting=settings.LIVE_STREAMS, patience_s=30)
"""Opening a stream again after a crowd or a restart is waited for longer: browsers do not ask again after a refusal."""
SIGN_IN_BOUNDS = Bounds(at_work=settings.SIGN_IN_THREADS, waiting=16, patience_s=5)
"""Most of signing in is a wait for a hash, which holds no connection. It must not take the threads of pages."""
STREAMS_EACH = max(2, settings.LIVE_STREAMS // 10)
"""Live streams that one person keeps open."""
RETRY_AFTER_S = 2
SIGN_IN = frozenset(
    {
        *("signin", "join", "account_reauthenticate", "account_change_password", "account_complete_password_reset"),
        *("github_login", "github_callback", "openid_connect_login", "openid_connect_callback"),
    }
)
"""The names of the views that hash a password, or wait for a server elsewhere that signs people in."""
BUSY = "Crewsite has more to do than it can at the moment. Nothing was begun; try again in a few seconds."
MANY_SIGN_IN = "Many people are signing in just now. Try again in a few seconds."
OWN_SHARE = (
    "Much of what you asked for is still under way, and others have their turn as well. Nothing was begun of this; "
    "try again in a few seconds, and ask for less at once."
)
TOO_MANY_STREAMS = (
    "Too many runs and batches are being watched at the moment. Reload the page to see where this one is."
)
MANY_OWN_STREAMS = "You watch many runs and batches at the moment. Close some of their pages, then reload this one."


class Shed(Refused):
    """A request that found no room."""

    @classmethod
    def of(cls, kind: str, *, is_own: bool = False) -> Shed:
        """429 where strangers can fill the room or a caller their share, since 503 wakes operators."""
        if is_own:
            return cls(429, OWN_SHARE, retry_after_s=RETRY_AFTER_S)
        if kind == "signin":
            return cls(429, MANY_SIGN_IN, retry_after_s=RETRY_AFTER_S)
        return cls(503, BUSY, retry_after_s=RETRY_AFTER_S)


class _Django(ASGIHandler):
    """Reads bodies and makes requests as Django does, and answers them in one go."""

    def __init__(self) -> None:
        self.load_middleware(is_async=False)

    def answer(self, scope: Scope, body: Any) -> tuple[HttpResponseBase, str | None]:
        """The answer, and whose request it was as ``shares.person_of`` says."""
        request, refusal = self.create_request(scope, body)
        if request is None:
            assert refusal is not None  # one of the two is there
            return refusal, None
        return self.get_response(request), person_of(request)


class Pages:
    """The ASGI application. Health checks, pages and live streams have bounds of their own, so none is in the way."""

    def __init__(self) -> None:
        self._django = _Django()
        reverse("signin")  # reads all addresses now, and not on the event loop while the first requests wait
        self._shares = Shares()
        self._streams = 0
        self._streams_each: Counter[str] = Counter()
        self._rooms = {
            "machine": Room("machine", MACHINE_BOUNDS),
            "page": Room("page", PAGE_BOUNDS),
            "stream": Room("stream", OPENING_BOUNDS),
            "signin": Room("signin", SIGN_IN_BOUNDS),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"Crewsite answers HTTP alone, not {scope['type']}.")
        began = time.perf_counter()
        try:
            with await self._django.read_body(receive) as body:
                await self._answer(kind_of(scope["path"]), Work(self._django, scope, body), receive, send)
        except RequestAborted:
            log.debug("A client left before it was answered")
        except Shed as refusal:
            http_metrics.request_answered(scope["method"], refusal.status, time.perf_counter() - began)
            await answer(scope, send, refusal)

    async def _answer(self, kind: str, work: Work, receive: Receive, send: Send) -> None:
        if kind != "stream":
            await self._work_and_send(kind, work, receive, send)
            return
        if self._streams >= settings.LIVE_STREAMS:
            http_metrics.request_shed("stream")
            raise Shed(503, TOO_MANY_STREAMS, retry_after_s=30)
        self._streams += 1
        try:
            await self._work_and_send(kind, work, receive, send)
        finally:
            self._streams -= 1

    async def _work_and_send(self, kind: str, work: Work, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_until_gone(receive, work))
        whose = "" if kind == "machine" else self._shares.of(work.scope)
        try:
            try:
                with counted_on(whose):
                    await self._rooms[kind].carry_out(work.carry_out, whose=whose)
            except NoRoom as reason:
                raise Shed.of(kind, is_own=reason.is_own) from None
            self._shares.learn(work.scope, work.person)
            if work.outcome is not None:
                await self._wait(work, work.outcome, gone)
            if work.stream is None:
                await send(work.head)
            else:
                await self._send_stream(work, work.stream, gone, send)
            await send({"type": "http.response.body", "body": work.content})
        finally:
            gone.cancel()

    async def _send_stream(
        self, work: Work, stream: StreamingHttpResponse, gone: asyncio.Task[None], send: Send
    ) -> None:
        with self._place_of_own(work) as is_free:
            if not is_free:
                http_metrics.request_shed("share")
                raise Shed(429, MANY_OWN_STREAMS, retry_after_s=30)
            await send(work.head)
            await _pass_on(stream, gone, send)

    async def _wait(
        self, work: Work, outcome: Callable[[], Awaitable[Outcome | None]], gone: asyncio.Task[None]
    ) -> None:
        """Waits for what may take the answer's place, as a live stream does and counted as one. Where no place is left
        the answer is given as it is, since what was asked for is done. Raises ``RequestAborted`` if the client left."""
        with self._place_of_own(work) as is_free:
            if not is_free or self._streams >= settings.LIVE_STREAMS:
                return
            self._streams += 1
            try:
                work.take(await _unless_gone(outcome, gone))
            finally:
                self._streams -= 1

    @contextmanager
    def _place_of_own(self, work: Work) -> Iterator[bool]:
        """Whether the person may keep another stream open; if so, it is counted meanwhile."""
        whose = work.person or self._shares.of(work.scope)
        if self._streams_each[whose] >= STREAMS_EACH:
            yield False
            return
        self._streams_each[whose] += 1
        try:
            yield True
        finally:
            self._streams_each[whose] -= 1
            if not self._streams_each[whose]:
                del self._streams_each[whose]


class Work:
    """One request: what is done for it on a thread, and what came of it."""

    def __init__(self, django: _Django, scope: Scope, body: Any) -> None:
        self.is_wanted = True
        self.head: Message = {}
        self.content = b""
        self.stream: StreamingHttpResponse | None = None  # whose content is read on the event loop
        self.outcome: Callable[[], Awaitable[Outcome | None]] | None = None  # what may take the answer's place
        self.person: str | None = None  # whose request it was, as ``shares.person_of`` says
        self.scope = scope
        self._django = django
        self._body = body

    def carry_out(self) -> None:
        """Raises ``RequestAborted`` if the client has left meanwhile."""
        if not self.is_wanted:
            raise RequestAborted
        set_script_prefix(get_script_prefix(self.scope))
        signals.request_started.send(sender=_Django, scope=self.scope)
        response, self.person = self._django.answer(self.scope, self._body)
        if isinstance(response, StreamingHttpResponse) and response.is_async:
            self.head, self.stream = _head(response), response
            signals.request_finished.send(sender=_Django)  # gives the connection back; the stream goes on without it
            return
        self.content = b"".join(cast("Iterable[bytes]", response))
        if self.content:
            response.headers.setdefault("Content-Length", str(len(self.content)))
        self.head = _head(response)
        if isinstance(response, Later):
            self.outcome = response.outcome
        response.close()  # sends ``request_finished``

    def take(self, outcome: Outcome | None) -> None:
        """Puts it in the place of the answer, with the same headers; None changes nothing."""
        if outcome is None:
            return
        self.content = outcome.content.encode()
        headers = [(name, value) for name, value in self.head["headers"] if name != b"Content-Length"]
        headers.append((b"Content-Length", str(len(self.content)).encode()))
        self.head = {**self.head, "status": outcome.status, "headers": headers}


def kind_of(path: str) -> str:
    """``machine``, ``signin``, ``stream`` or ``page``: which bounds a request to this address has."""
    if path in ASKED_BY_MACHINES:
        return "machine"
    try:
        view = resolve(path).view_name
    except Resolver404:
        return "page"
    if view in SIGN_IN:
        return "signin"
    return "stream" if view in STREAMS else "page"


def _head(response: HttpResponseBase) -> Message:
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    headers += [(b"Set-Cookie", cookie.OutputString().encode("ascii")) for cookie in response.cookies.values()]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


async def _until_gone(receive: Receive, work: Work) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    work.is_wanted = False


async def _unless_gone(outcome: Callable[[], Awaitable[Outcome | None]], gone: asyncio.Task[None]) -> Outcome | None:
    """None if it failed, which the log has: the first answer is right all the same."""
    waiting = asyncio.ensure_future(outcome())
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise RequestAborted
        return waiting.result()
    except DatabaseError:
        log.warning("The end of a run could not be waited for", exc_info=True)
        return None
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await waiting


async def _pass_on(response: StreamingHttpResponse, gone: asyncio.Task[None], send: Send) -> None:
    """Sends what the stream yields until it ends or its reader leaves."""
    passing = asyncio.create_task(_send_parts(response, send))
    try:
        await asyncio.wait({passing, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        passing.cancel()
        with suppress(asyncio.CancelledError):
            await passing


async def _send_parts(response: StreamingHttpResponse, send: Send) -> None:
    async with aclosing(cast("AsyncGenerator[bytes]", aiter(response))) as parts:
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
