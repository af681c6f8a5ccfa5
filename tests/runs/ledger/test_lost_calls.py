"""An unsafe tool call that a worker left open is never repeated by itself: a person says whether it was carried out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from engine.catalogue.pricing import Usage
from engine.crew.booking import booked
from engine.errors import Cancelled
from engine.providers.llm import LLMReply, ToolCall
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from engine.tools.tool import Effect
from runs.ledger.journal import LedgerJournal, Ticket
from runs.ledger.lease import Held
from runs.ledger.replay import read_replay
from runs.models import Call, Review, Run
from runs.run.actions import Decision, decide
from runs.states import CallState, RunState
from runs.worker import claim
from runs.worker.process import WorkerProcess
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.engine.crews import runtime
from tests.openai_server import OpenAIServer, tool_call
from tests.runs.answers import run_json
from tests.runs.workers import agent, assert_sums, execute, expire, in_thread, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)


class Shop:
    """Takes orders by POST and counts them. ``hold`` lets a request hang until the server ends."""

    def __init__(self) -> None:
        self.orders: list[Any] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.orders.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(b"Ordered.")

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/orders"

    def __enter__(self) -> Shop:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shop(settings: Any) -> Iterator[Shop]:
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    with Shop() as shop:
        yield shop


@pytest.fixture
def provider(cast: Cast, shop: Shop) -> Iterator[OpenAIServer]:
    """Orders once, then says what the tool told it."""

    def answer(body: dict[str, Any]) -> str | dict[str, Any]:
        told = [message["content"] for message in body["messages"] if message["role"] == "tool"]
        if told or "tools" not in body:
            return f"Told: {' | '.join(told)}"
        return tool_call("http_request", ordering(shop))

    with OpenAIServer(answer) as server:
        use_provider(cast.owner, server)
        yield server


def ordering(shop: Shop, what: str = "book") -> dict[str, Any]:
    return {"method": "POST", "url": shop.url, "json": {"what": what}}


def buyer() -> Any:
    config = {"allowed_hosts": ["127.0.0.1"], "methods": ["POST"], "without_approval": True}
    return agent(tools=({"name": "http_request", "config": config},))


def lost(cast: Cast, worker: WorkerProcess, shop: Shop, *orders: str) -> tuple[Run, LedgerJournal, list[Ticket]]:
    """A run whose worker died within its POST, with its journal and the tickets of the calls that it left open."""
    run = launched(cast.runner, task("buy"), task("side", tools=()), agents=(buyer(),))
    claimed = claim.claim(run.pk, owner="dead")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), worker.writer)
    calls = tuple(
        ToolCall(f"call_{number}", "http_request", json.dumps(ordering(shop, what)))
        for number, what in enumerate(orders or ("book",))
    )
    reply = LLMReply("", Usage(10, 0, 0, 5), "gpt-4o-mini", tool_calls=calls)

    async def until_it_died() -> list[Any]:
        await journal.task_started("buy", "worker")
        ticket = await journal.open_call(CallIntent("buy", "worker", 0, 1, CallKind.MODEL, model="gpt-4o-mini"))
        outcome = CallOutcome(CallStatus.OK, reply=reply, usage=reply.usage, cost_usd=None)
        await journal.settle_call(ticket, outcome)
        return [await journal.open_call(unsafe(number + 1, call.arguments)) for number, call in enumerate(calls)]

    tickets = asyncio.run(until_it_died())
    expire(run)
    return run, journal, tickets


def unsafe(step: int, arguments: str) -> CallIntent:
    return CallIntent(
        "buy", "worker", step, 1, CallKind.TOOL, tool="http_request", arguments=arguments, effect=Effect.UNSAFE
    )


def answer_of(run: Run) -> str:
    return run.tasks.get(key="buy").output_raw


def test_it_is_not_repeated_but_asked_about(
    cast: Cast, worker: WorkerProcess, shop: Shop, provider: OpenAIServer
) -> None:
    run, _, _ = lost(cast, worker, shop)
    assert execute(run, worker).state == RunState.WAITING
    assert shop.orders == []
    call = Call.objects.get(tool="http_request")
    assert (call.state, call.cost_nusd, call.error_code) == (CallState.UNKNOWN, 0, "worker_lost")
    assert Review.objects.get().call_id == call.pk
    tasks = {one["key"]: one for one in run_json(run)["tasks"]}
    assert tasks["side"]["status"] == "succeeded"
    (question,) = tasks["buy"]["questions"]
    assert question == {
        "about": "call",
        "number": None,
        "answer": None,
        "call": call.pk,
        "tool": "http_request",
        "arguments": json.dumps(ordering(shop)),
        "step": None,
        "request": None,
        "asked_at": question["asked_at"],
    }
    assert "Was the call carried out?" in answer_of(run)


def test_it_happened_so_the_model_is_told_and_goes_on(
    cast: Cast, worker: WorkerProcess, shop: Shop, provider: OpenAIServer
) -> None:
    run, _, _ = lost(cast, worker, shop)
    execute(run, worker)
    decide(cast.runner, run, "buy", Decision(approved=True, comment="Order 17."))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert shop.orders == []
    assert "carried out: do not repeat it. They say: Order 17." in answer_of(run)
    assert_sums(run)


def test_it_did_not_so_it_is_called_once_more(
    cast: Cast, worker: WorkerProcess, shop: Shop, provider: OpenAIServer
) -> None:
    run, _, _ = lost(cast, worker, shop)
    execute(run, worker)
    decide(cast.runner, run, "buy", Decision(approved=False))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert shop.orders == [{"what": "book"}]
    assert "Ordered." in answer_of(run)
    assert_sums(run)


def test_one_that_is_lost_again_is_asked_about_again(
    cast: Cast, worker: WorkerProcess, shop: Shop, provider: OpenAIServer
) -> None:
    run, _, _ = lost(cast, worker, shop)
    execute(run, worker)
    decide(cast.runner, run, "buy", Decision(approved=False))
    claimed = claim.claim(run.pk, owner="dead too")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), worker.writer)
    asyncio.run(journal.open_call(unsafe(1, "{}")))
    expire(run)
    assert execute(run, worker).state == RunState.WAITING
    assert shop.orders == []
    assert Review.objects.filter(approved=None).count() == 1
    decide(cast.runner, run, "buy", Decision(approved=True))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert shop.orders == []


def test_of_two_lost_calls_each_is_asked_about(
    cast: Cast, worker: WorkerProcess, shop: Shop, provider: OpenAIServer
) -> None:
    run, _, _ = lost(cast, worker, shop, "book", "pen")
    execute(run, worker)
    first, second = Review.objects.order_by("call__step")
    with pytest.raises(Invalid):
        decide(cast.runner, run, "buy", Decision(approved=True))
    decide(cast.runner, run, "buy", Decision(approved=False, call=first.call_id))
    with pytest.raises(Conflict):
        decide(cast.runner, run, "buy", Decision(approved=True, call=first.call_id))
    assert execute(run, worker).state == RunState.WAITING, "the other one is still open"
    assert shop.orders == [{"what": "book"}]
    decide(cast.runner, run, "buy", Decision(approved=True, call=second.call_id))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert shop.orders == [{"what": "book"}]
    assert_sums(run)


def test_what_a_zombie_learned_in_time_needs_no_question(
    cast: Cast, worker: WorkerProcess, shop: Shop, provider: OpenAIServer
) -> None:
    run, journal, (ticket,) = lost(cast, worker, shop)
    execute(run, worker)
    asyncio.run(journal.settle_call(ticket, CallOutcome(CallStatus.OK, tool_output="Ordered by the zombie.")))
    decide(cast.runner, run, "buy", Decision(approved=False))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert shop.orders == []
    assert "Ordered by the zombie." in answer_of(run)
    assert_sums(run)


def test_a_shutdown_in_the_middle_of_it_asks_too(cast: Cast, shop: Shop, provider: OpenAIServer) -> None:
    run = launched(cast.runner, task("buy"), agents=(buyer(),))
    stopped = WorkerProcess()
    holding = stopped.hold(lambda: claim.claim(run.pk, owner="worker-1"))
    assert holding
    claimed, held = holding
    journal = LedgerJournal(claimed, read_replay(claimed), stopped.writer, held=held)
    hanging = CutOff(stopped, held, journal)
    thread = in_thread(hanging.run)
    hanging.begun()
    stopped.stop(grace_s=0.5)
    thread.join()
    claim.release([held.lease])
    assert Call.objects.get().state == CallState.UNKNOWN
    assert set(read_replay(Run.objects.get(pk=run.pk)).lost) == {("buy", "", 0)}


def test_a_simulated_run_asks_nobody(cast: Cast, worker: WorkerProcess, shop: Shop) -> None:
    run, _, _ = lost(cast, worker, shop)
    Call.objects.filter(tool="http_request").update(simulated=True)
    Run.objects.filter(pk=run.pk).update(simulated=True)
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert not Review.objects.exists()


class CutOff:
    """An unsafe tool call under way in a worker, which its stop cuts off."""

    def __init__(self, worker: WorkerProcess, held: Held, journal: LedgerJournal) -> None:
        self._worker, self._held, self._journal, self._event = worker, held, journal, Event()

    def begun(self) -> None:
        assert self._event.wait(5)

    def run(self) -> None:
        try:
            with pytest.raises(Cancelled):
                self._worker.run(self._held, self._call())
        finally:
            self._worker.let_go(self._held)

    async def _call(self) -> None:
        async with booked(runtime(journal=self._journal), unsafe(0, "{}")):  # type: ignore[arg-type]
            self._event.set()
            await asyncio.sleep(30)
