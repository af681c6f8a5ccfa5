"""The client for asyncio: the same methods, and what is iterated over is iterated with ``async for``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, TypeVar, Unpack

import httpx

from crewsite_client import answers, asks
from crewsite_client.answers import File, Saved
from crewsite_client.asks import (
    Ask,
    BatchBounds,
    BatchOptions,
    BillFormat,
    ExportFormat,
    LaunchOptions,
    ResultsFormat,
    YesOrNo,
)
from crewsite_client.connection import Body, Connection, Paging, event_headers
from crewsite_client.errors import StillGoing, TooLarge
from crewsite_client.following import Following, is_at_rest
from crewsite_client.patience import Patience, in_time
from crewsite_client.retrying import Retries
from crewsite_client.sets.async_methods import AsyncSetMethods

T = TypeVar("T")


class AsyncCrewsite(AsyncSetMethods):
    """A team on a Crewsite server, as its token may see and change it.

    Every method may raise ``Refused`` (by its kinds, such as ``NotFound``) and ``Unreachable``. What makes something is
    done once, however often it must be sent; give a ``key`` of your own, and that holds for several of your calls too.
    ``timeout_s`` is for each part of one try. Many tasks of one loop may use it.
    """

    def __init__(
        self, url: str, token: str, *, timeout_s: float = 30.0, retries: Retries | None = None, over_http: bool = False
    ) -> None:
        self._connection = Connection(url, token, timeout_s=timeout_s, retries=retries, over_http=over_http)
        self._http = httpx.AsyncClient(**self._connection.http_options())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def url(self) -> str:
        return self._connection.url

    async def send(self, ask: Ask[T]) -> T:
        """Any operation as data, also one that has no method here."""
        return self._connection.answer(ask, await self._answer(ask))

    async def download(self, ask: Ask[File], into: BinaryIO) -> Saved:
        """A file that need not fit into memory, such as of ``asks.batch_results``, written as it comes. ``into`` can be
        sought in: it is begun anew where the connection broke."""
        response = await self._answer(ask, into)
        self._connection.check_good(response)
        return Saved(*self._connection.named(response), into.tell())

    async def _answer(self, ask: Ask[Any], into: BinaryIO | None = None) -> httpx.Response:
        request = self._http.build_request(ask.method, ask.path, **self._connection.request_options(ask))
        tried = 0
        while True:
            tried += 1
            patience = self._connection.patience(request)
            try:
                async with in_time(patience):
                    opened = await self._http.send(request, stream=True)
                response = await self._read(opened, patience, is_file=ask.answer is File, into=into)
            except httpx.RequestError as fault:
                wait: float | None = self._connection.wait_after_fault(ask, fault, tried)
            else:
                wait = self._connection.wait_after_answer(ask, response, tried)
                if wait is None:
                    return response
            await asyncio.sleep(wait or 0)

    async def _read(
        self, response: httpx.Response, patience: Patience, *, is_file: bool = False, into: BinaryIO | None = None
    ) -> httpx.Response:
        async with in_time(patience) as longer, aclosing(response):
            body = Body(self._connection, response, patience, is_file=is_file, into=into)
            async for part in response.aiter_bytes():
                body.add(part)
                longer()
            return body.whole()

    async def team(self) -> answers.Team:
        """The token's team, and what the token may do in it."""
        return await self.send(asks.team())

    def crews(self) -> AsyncIterator[answers.Crew]:
        return self._pages(asks.crews)

    async def crew(self, slug: str) -> answers.Crew:
        return await self.send(asks.crew(slug))

    async def replace_crew(self, slug: str, spec: Mapping[str, Any], *, revision: int | None = None) -> answers.Crew:
        """Another draft; with ``revision`` only if it is still that one (``Changed``)."""
        return await self.send(asks.replace_crew(slug, spec, revision))

    async def import_source(
        self,
        source: str,
        *,
        filename: str = "",
        name: str = "",
        crews: Literal["all"] | Sequence[int] | None = None,
        key: str | None = None,
    ) -> answers.Imported:
        """New crews from one text. ``crews``: the best one if left out."""
        return await self.send(asks.import_source(source, filename, name, crews, key))

    async def import_files(
        self,
        files: Iterable[tuple[str, bytes]],
        *,
        name: str = "",
        crews: Literal["all"] | Sequence[int] | None = None,
        key: str | None = None,
    ) -> answers.Imported:
        """New crews from a project: each file with its path in it, or one zip archive."""
        return await self.send(asks.import_files(files, name, crews, key))

    def versions(self, slug: str) -> AsyncIterator[answers.Version]:
        """The newest first."""
        return self._pages(lambda cursor: asks.versions(slug, cursor))

    async def save_version(
        self, slug: str, *, note: str = "", revision: int | None = None, key: str | None = None
    ) -> answers.Version:
        return await self.send(asks.save_version(slug, note, revision, key))

    async def export(self, slug: str, form: ExportFormat = "json", *, version: int | None = None) -> answers.File:
        return await self.send(asks.export(slug, form, version))

    async def export_report(
        self, slug: str, form: ExportFormat = "json", *, version: int | None = None
    ) -> answers.ExportReport:
        return await self.send(asks.export_report(slug, form, version))

    async def launch(
        self,
        slug: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        revision: int | None = None,
        **options: Unpack[LaunchOptions],
    ) -> answers.Launched:
        """Queues a run of the draft, or of a ``version``."""
        return await self.send(asks.launch(slug, inputs or {}, options, key, revision))

    def runs(self, q: str = "", *, sort: str = "newest") -> AsyncIterator[answers.RunSummary]:
        """Those that fit the typed filter of the page of runs."""
        return self._pages(lambda cursor: asks.runs(q, sort, cursor))

    async def run(self, run_id: str) -> answers.Run:
        return await self.send(asks.run(run_id))

    def calls(self, run_id: str) -> AsyncIterator[answers.Call]:
        """Every model request and tool call, in the order in which they began."""
        return self._pages(lambda cursor: asks.calls(run_id, cursor))

    def events(self, run_id: str, *, last_id: str = "", timeout_s: float | None = None) -> AsyncIterator[answers.Run]:
        """The whole run at once and at every change, until it ended. A stream that breaks is taken up where it was;
        ``last_id`` is the revision that the caller has: of one that is the last, nothing is told. Raises ``StillGoing``
        up to 15 s after ``timeout_s``."""
        events = asks.run_events(run_id)
        following = Following(self._connection, "run", answers.Run, events, last_id, timeout_s)
        return self._followed(following, asks.run(run_id))

    async def wait(self, run_id: str, *, timeout_s: float | None = None) -> answers.Run:
        """The run once it ended, however it did. Raises ``StillGoing``."""
        ended: answers.Run | None = None
        async for run in self.events(run_id, timeout_s=timeout_s):
            ended = run
        assert ended is not None  # else it raised
        return ended

    async def cancel_run(self, run_id: str, *, revision: int | None = None) -> answers.RunSummary:
        return await self.send(asks.cancel_run(run_id, revision))

    async def rate_run(self, run_id: str, stars: int, comment: str = "") -> answers.Rated:
        return await self.send(asks.rate_run(run_id, stars, comment))

    async def launch_batch(
        self,
        slug: str,
        inputs: Iterable[Mapping[str, Any]],
        *,
        key: str | None = None,
        revision: int | None = None,
        **options: Unpack[BatchOptions],
    ) -> answers.BatchSummary:
        """A run for each row of inputs. All rows are checked first (``Invalid``, with fields as ``inputs.3.city``)."""
        return await self.send(asks.launch_batch(slug, inputs, options, key, revision))

    async def estimate_batch(
        self, slug: str, inputs: Iterable[Mapping[str, Any]], **options: Unpack[BatchOptions]
    ) -> answers.BatchEstimate:
        """What a launch with the same would most likely cost and take. Nothing is launched."""
        return await self.send(asks.estimate_batch(slug, inputs, options))

    def batches(self) -> AsyncIterator[answers.BatchSummary]:
        return self._pages(asks.batches)

    async def batch(self, batch_id: str) -> answers.BatchSummary:
        """How far it is."""
        return await self.send(asks.batch(batch_id))

    def batch_rows(self, batch_id: str, *, status: answers.RowStatus | None = None) -> AsyncIterator[answers.BatchRow]:
        """Its rows in their order, each with what it gave."""
        return self._pages(lambda cursor: asks.batch(batch_id, status or "", cursor, asks.PAGE))

    async def batch_results(self, batch_id: str, form: ResultsFormat = "csv") -> answers.File:
        """All rows as a file, which is held in memory whole."""
        return await self.send(asks.batch_results(batch_id, form))

    def batch_events(
        self, batch_id: str, *, last_id: str = "", timeout_s: float | None = None
    ) -> AsyncIterator[answers.BatchSummary]:
        """How far it is, at once and at every change, until nothing of it goes on (done, cancelled, paused). A stream
        that breaks is taken up where it was. Raises ``StillGoing`` up to 15 s after ``timeout_s``."""
        events = asks.batch_events(batch_id)
        following = Following(self._connection, "batch", answers.BatchSummary, events, last_id, timeout_s)
        return self._followed(following, asks.batch(batch_id))

    async def batch_states(
        self, batch_id: str, *, every_s: float = 2.0, timeout_s: float | None = None
    ) -> AsyncIterator[answers.BatchSummary]:
        """As ``batch_events``, asked for again and again, where a stream cannot be held open. Raises ``StillGoing``."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            batch = await self.batch(batch_id)
            yield batch
            if is_at_rest(batch):
                return
            if until is not None and time.monotonic() + every_s > until:
                raise StillGoing(f"The batch {batch_id} had not ended in time. It goes on.")
            await asyncio.sleep(every_s)

    async def pause_batch(self, batch_id: str, *, revision: int | None = None) -> answers.BatchSummary:
        return await self.send(asks.change_batch(batch_id, "pause", revision))

    async def resume_batch(
        self, batch_id: str, *, revision: int | None = None, **bounds: Unpack[BatchBounds]
    ) -> answers.BatchSummary:
        return await self.send(asks.resume_batch(batch_id, bounds, revision))

    async def cancel_batch(self, batch_id: str, *, revision: int | None = None) -> answers.BatchSummary:
        return await self.send(asks.change_batch(batch_id, "cancel", revision))

    async def retry_batch(self, batch_id: str, *, revision: int | None = None) -> answers.BatchSummary:
        """Every row that failed or was cancelled gets another run."""
        return await self.send(asks.change_batch(batch_id, "retry", revision))

    async def add_batch_rows(
        self,
        batch_id: str,
        inputs: Iterable[Mapping[str, Any]],
        *,
        key: str | None = None,
        revision: int | None = None,
    ) -> answers.BatchSummary:
        return await self.send(asks.add_batch_rows(batch_id, inputs, key, revision))

    async def compare(
        self,
        *,
        runs: Sequence[str] = (),
        versions: Sequence[str] = (),
        filters: Sequence[str] = (),
        baseline: str = "",
        simulated: YesOrNo | None = None,
    ) -> answers.Comparison:
        """Two to six runs, versions (``crew@3``) and filters, against ``baseline``, one of them, or the first."""
        return await self.send(asks.compare(runs, versions, filters, baseline, simulated))

    async def bills(self, *, simulated: YesOrNo = "no") -> list[answers.Month]:
        """The newest 36 months."""
        return (await self.send(asks.bills(simulated)))["items"]

    async def bill(self, month: str, *, simulated: YesOrNo = "no") -> answers.Bill:
        """A month, written as 2026-11."""
        return await self.send(asks.bill(month, simulated))

    async def bill_lines(self, month: str, *, group_by: Sequence[str] = (), simulated: YesOrNo = "no") -> answers.File:
        """The lines of a month's bill as CSV, by up to four dimensions, or by all of them."""
        return await self.send(asks.bill_lines(month, simulated, group_by))

    async def closed_bill(self, month: str, form: BillFormat = "json") -> answers.File:
        """The frozen document of a closed bill, byte by byte (its SHA-256 is the bill's ``hash``), or its lines."""
        return await self.send(asks.closed_bill(month, form))

    async def _followed(self, following: Following[T], now: Ask[T]) -> AsyncIterator[T]:
        """``now`` asks for the present state: the one that the caller has may be the last, and then no event comes."""
        if following.last_id:
            for state in following.begin(await self.send(now)):
                yield state
        while not following.ended:
            fault, refused = None, None
            try:
                async with self._opened(following) as response:
                    if response.is_success:
                        following.begun(response)
                        async for piece in response.aiter_bytes():
                            for state in following.read(piece):
                                yield state
                            if following.ended:
                                return
                    else:
                        refused = await self._read(response, following.patience)
            except httpx.RequestError as error:
                fault = error
            await asyncio.sleep(following.wait_after(fault, refused))

    @asynccontextmanager
    async def _opened(self, following: Following[Any]) -> AsyncIterator[httpx.Response]:
        headers = event_headers(following.last_id)
        request = self._http.build_request("GET", following.path, headers=headers, timeout=following.timeout)
        async with in_time(following.patience):
            response = await self._http.send(request, stream=True)
        async with aclosing(response):
            yield response

    async def _pages(
        self, page: Callable[[str], Ask[Any]], items: str = "items", following: str = "next"
    ) -> AsyncIterator[Any]:
        paging = Paging(self._connection)
        while True:
            ask = paging.ask(page)
            try:
                found = await self.send(ask)
            except TooLarge as fault:
                paging.take_less(ask, fault)
                continue
            for item in found[items]:
                yield item
            if not paging.goes_on(found[items], found[following]):
                return
