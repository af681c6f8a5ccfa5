"""Requests that may change something wait for a person, who reads them to the letter; only what they read is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runs.models import Call, Review, Run
from runs.run.actions import Decision, decide
from runs.states import RunState
from runs.worker.process import WorkerProcess
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.engine.loopback import Reply, Site
from tests.openai_server import OpenAIServer, tool_call
from tests.pages import html, signed_in
from tests.runs.answers import run_json
from tests.runs.workers import agent, assert_sums, execute, expire, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(settings: Any) -> Iterator[Site]:
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    with Site({"/orders": Reply(b"Ordered."), "/stock": Reply(b"Two left.")}) as shop:
        yield shop


@pytest.fixture
def provider(cast: Cast, shop: Site) -> Iterator[OpenAIServer]:
    """Looks into the stock and orders a book in one reply, then says what the tools told it."""

    def answer(body: dict[str, Any]) -> str | dict[str, Any]:
        told = [message["content"] for message in body["messages"] if message["role"] == "tool"]
        if told:
            return f"Told: {' | '.join(told)}"
        read = tool_call("http_request", {"url": f"{shop.url}/stock"})
        write = tool_call("http_request", order(shop))
        read["tool_calls"] += [{**write["tool_calls"][0], "id": "call_2"}]
        return read

    with OpenAIServer(answer) as server:
        use_provider(cast.owner, server)
        yield server


def order(shop: Site, **more: Any) -> dict[str, Any]:
    return {"method": "POST", "url": f"{shop.url}/orders", "json": {"what": "<b>book</b>"}} | more


def buyer(**config: Any) -> Any:
    settings = {"allowed_hosts": ["127.0.0.1"], "methods": ["GET", "POST"]} | config
    return agent(tools=({"name": "http_request", "config": settings},))


def waiting(cast: Cast, worker: WorkerProcess) -> Run:
    run = launched(cast.runner, task("buy"), agents=(buyer(),))
    assert execute(run, worker).state == RunState.WAITING
    return run


def orders(shop: Site) -> list[Any]:
    return [json.loads(asked.body) for asked in shop.asked if asked.path == "/orders"]


def test_it_is_asked_about_before_anything_is_sent(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    assert [asked.path for asked in shop.asked] == ["/stock"], "what only reads asks nobody"
    assert run.waiting_for == "person"
    assert Call.objects.filter(tool="http_request").count() == 1, "the ledger has no line of what was not made"
    (question,) = run_json(run)["tasks"][0]["questions"]
    assert (question["about"], question["step"], question["answer"], question["call"]) == ("request", "2", None, None)
    first, *rest = question["request"].splitlines()
    assert first == f"POST {shop.url}/orders"
    assert rest[-1] == '{"what":"<b>book</b>"}'
    assert "Content-Type: application/json" in rest
    assert_sums(run)


def test_what_was_allowed_is_sent_once_and_to_the_letter(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    shown = run_json(run)["tasks"][0]["questions"][0]["request"]
    decide(cast.runner, run, "buy", Decision(approved=True, step="2"))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert orders(shop) == [{"what": "<b>book</b>"}]
    sent = next(asked for asked in shop.asked if asked.path == "/orders")
    assert shown.endswith(sent.body.decode())
    told = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in shown.splitlines()[1:-2]}
    assert told.items() <= sent.headers.items()
    assert (provider.requests, len(shop.asked)) == (2, 2), "nothing is done twice"
    assert "Ordered." in run.tasks.get().output_raw
    assert_sums(run)


def test_what_was_refused_is_never_sent_and_the_agent_is_told_why(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    with pytest.raises(Invalid) as refused:
        decide(cast.runner, run, "buy", Decision(approved=False, step="2"))
    assert "comment" in refused.value.fields
    decide(cast.runner, run, "buy", Decision(approved=False, comment="We have that book.", step="2"))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert orders(shop) == []
    assert "A person did not allow this call: We have that book." in run.tasks.get().output_raw
    call = Call.objects.get(error_code="not_allowed")
    assert (call.state, call.tool, call.cost_nusd) == ("error", "http_request", 0)
    assert_sums(run)


def test_the_question_outlives_its_worker_and_is_asked_once(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    decide(cast.runner, run, "buy", Decision(approved=True, step="2"))
    Review.objects.update(approved=None, decided_at=None)  # as if the run had been taken up before the word
    assert execute(run, worker).state == RunState.WAITING
    assert Review.objects.count() == 1
    assert orders(shop) == []


def test_another_request_in_its_place_is_not_sent(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    decide(cast.runner, run, "buy", Decision(approved=True, step="2"))
    Review.objects.update(answer="POST http://elsewhere.test/\n\nsomething else")
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert orders(shop) == []
    assert "another request was allowed in its place" in run.tasks.get().output_raw


def test_what_our_client_adds_may_change_while_a_person_thinks(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    decide(cast.runner, run, "buy", Decision(approved=True, step="2"))
    shown = Review.objects.get().answer
    Review.objects.update(answer=shown.replace("User-Agent: Crewsite/1", "User-Agent: Crewsite/0\nX-Older: yes"))
    assert "X-Older" in Review.objects.get().answer
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert orders(shop) == [{"what": "<b>book</b>"}]


@pytest.mark.parametrize(
    ("was", "instead"),
    [("POST", "PUT"), ("/orders", "/others"), ("Content-Type: application/json\n", ""), ("book", "bike")],
)
def test_whatever_the_crew_meant_otherwise_is_another_request(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer, was: str, instead: str
) -> None:
    run = waiting(cast, worker)
    decide(cast.runner, run, "buy", Decision(approved=True, step="2"))
    shown = Review.objects.get().answer
    assert was in shown
    Review.objects.update(answer=shown.replace(was, instead))
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert orders(shop) == []


def test_a_request_is_allowed_by_its_step_alone(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    """A client from before such questions approves what it takes for an answer."""
    run = waiting(cast, worker)
    for decision in (Decision(approved=True), Decision(approved=False, comment="No.")):
        with pytest.raises(Invalid) as refused:
            decide(cast.runner, run, "buy", decision)
        assert "step" in refused.value.fields
    with pytest.raises(Conflict):
        decide(cast.runner, run, "buy", Decision(approved=True, number=0))
    assert Review.objects.get().approved is None


def test_a_lost_request_that_was_allowed_is_asked_about_as_any_lost_call(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    decide(cast.runner, run, "buy", Decision(approved=True, step="2"))
    assert execute(run, worker).state == RunState.SUCCEEDED
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, finished_at=None)
    run.tasks.update(state="running", finished_at=None)
    Call.objects.filter(tool="http_request", step=2).update(state="unknown", tool_output="")
    expire(run)
    assert execute(run, worker).state == RunState.WAITING
    assert [review.about for review in Review.objects.order_by("pk")] == ["request", "call"]
    assert orders(shop) == [{"what": "<b>book</b>"}]


@pytest.mark.parametrize("order_of_run", [{"simulated": True}, {}])
def test_simulated_runs_and_crews_that_switched_it_off_ask_nobody(
    cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer, order_of_run: dict[str, Any]
) -> None:
    agents = (buyer() if order_of_run else buyer(without_approval=True),)
    run = launched(cast.runner, task("buy"), agents=agents, **order_of_run)
    assert execute(run, worker).state == RunState.SUCCEEDED
    assert not Review.objects.exists()
    assert len(orders(shop)) == (0 if order_of_run else 1)


class TestPage:
    def test_it_shows_the_request_as_text_and_both_buttons(
        self, cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
    ) -> None:
        run = waiting(cast, worker)
        page = html(signed_in(cast.runner).get(f"/t/acme/runs/{run.pk}/"))
        assert "May this be sent? Buy" in page or "May this be sent? buy" in page
        assert f"POST {shop.url}/orders" in page
        assert "&lt;b&gt;book&lt;/b&gt;" in page
        assert "<b>book</b>" not in page
        address = f"/t/acme/runs/{run.pk}/tasks/buy/review/requests/2/"
        assert page.count(f'formaction="{address}" name="buy-2-approved"') == 2
        viewers = html(signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/"))
        assert "Whoever may run crews in this team allows it" in viewers
        assert "review/" not in viewers

    def test_its_buttons_decide(self, cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer) -> None:
        run = waiting(cast, worker)
        address = f"/t/acme/runs/{run.pk}/tasks/buy/review/requests/2/"
        assert signed_in(cast.viewer).post(address, typed("yes")).status_code == 403
        assert signed_in(cast.stranger).post(address, typed("yes")).status_code == 404
        unsaid = signed_in(cast.runner).post(address, typed("no"))
        assert unsaid.status_code == 422
        assert "Say what should be different" in html(unsaid)
        assert signed_in(cast.runner).post(address, typed("no", "Too dear.")).status_code == 302
        review = Review.objects.get()
        assert (review.approved, review.comment, review.decided_by) == (False, "Too dear.", cast.runner.user)
        earlier = html(signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/"))
        assert "it may not" in earlier
        assert "request of step 2" in earlier
        assert execute(run, worker).state == RunState.SUCCEEDED
        assert signed_in(cast.runner).get(f"/t/acme/runs/{run.pk}/tasks/buy/").status_code == 200

    def test_an_answer_to_another_step_is_a_conflict(
        self, cast: Cast, worker: WorkerProcess, shop: Site, provider: OpenAIServer
    ) -> None:
        run = waiting(cast, worker)
        for step in ("1", "9", "", "2\x00", "x" * 99):
            with pytest.raises(Conflict):
                decide(cast.runner, run, "buy", Decision(approved=True, step=step))
        decide(cast.runner, run, "buy", Decision(approved=True, step="2"))
        decide(cast.runner, run, "buy", Decision(approved=True, step="2"))  # pressed twice


def typed(approved: str, comment: str = "") -> dict[str, Any]:
    return {"buy-2-approved": approved, "buy-2-comment": comment, "buy-2-number": 0}
