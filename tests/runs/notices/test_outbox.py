"""Events of runs from real workers to a real receiver, by the threads that send; a dead receiver slows nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from runs.ledger import transitions
from runs.ledger.wake_covered import wake_covered
from runs.models import Run
from runs.notices.outbox import Outbox
from runs.states import RunState
from runs.worker.process import WorkerProcess
from runs.worker.sweeper import sweep
from teams.models import Delivery
from teams.webhooks.actions import add_webhook
from tests.cast import Cast, make_cast
from tests.openai_server import Fault, OpenAIServer
from tests.receiver import Receiver
from tests.runs.workers import execute, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = ["run.waiting", "run.failed", "run.succeeded"]
SECRET_PROMPT = "the secret of the prompt"
SECRET_ANSWER = "the secret of the answer"


@pytest.fixture
def cast(settings: Any) -> Cast:
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    return make_cast()


@pytest.fixture
def outbox(transactional_db: None) -> Iterator[Outbox]:
    sender = Outbox(look_every_s=0.05)
    sender.start()
    yield sender
    sender.stop(wait_s=30)


def until(is_so: Callable[[], bool], *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_a_run_that_waits_and_one_that_ends_are_told_once_each_with_figures_and_no_texts(
    cast: Cast, worker: WorkerProcess, outbox: Outbox
) -> None:
    with OpenAIServer(SECRET_ANSWER) as server, Receiver() as receiver:
        use_provider(cast.owner, server)
        _, secret = add_webhook(cast.owner, url=receiver.url, events=EVENTS)
        run = launched(cast.runner, task("one", description=SECRET_PROMPT), budget_usd=Decimal("0.000000001"))
        run = execute(run, worker)
        assert run.state == RunState.WAITING
        Run.objects.filter(pk=run.pk).update(budget_nusd=10**9)
        assert wake_covered() == [run.pk]
        run = execute(run, worker)
        assert run.state == RunState.SUCCEEDED
        until(lambda: len(receiver.received) == 2)
        until(lambda: Delivery.objects.filter(state="sent").count() == 2)
    waits, ended = sorted(receiver.received, key=lambda got: got.json["event"], reverse=True)
    assert (waits.json["event"], ended.json["event"]) == ("run.waiting", "run.succeeded")
    assert waits.is_signed_with(secret)
    assert ended.is_signed_with(secret)
    assert (waits.json["data"]["waiting_for"], waits.json["data"]["cost_usd"]) == ("run_budget", "0")
    assert float(waits.json["data"]["needs_usd"]) > 0
    assert (ended.json["data"]["run"], ended.json["data"]["status"]) == (str(run.pk), "succeeded")
    assert Decimal(ended.json["data"]["cost_usd"]) * 10**9 == run.spent_nusd > 0
    assert ended.json["data"]["url"].endswith(f"/t/acme/runs/{run.pk}/")
    for got in receiver.received:
        assert b"the secret of" not in got.body


def test_a_run_that_fails_is_told_by_its_code(cast: Cast, worker: WorkerProcess) -> None:
    with OpenAIServer(lambda body: Fault(status=401)) as server:
        use_provider(cast.owner, server)
        add_webhook(cast.owner, url="https://example.com/", events=EVENTS)
        run = execute(launched(cast.runner, task("one")), worker)
    assert run.state == RunState.FAILED
    told = Delivery.objects.get()
    assert (told.event, told.payload["data"]["error_code"]) == ("run.failed", run.error_code)
    assert "error" not in told.payload["data"]


def test_a_run_that_waits_for_a_person_is_told(cast: Cast, worker: WorkerProcess) -> None:
    with OpenAIServer("Fine.") as server:
        use_provider(cast.owner, server)
        add_webhook(cast.owner, url="https://example.com/", events=EVENTS)
        run = execute(launched(cast.runner, task("one", human_input=True)), worker)
    assert run.state == RunState.WAITING
    told = Delivery.objects.get()
    assert (told.event, told.payload["data"]["waiting_for"]) == ("run.waiting", "person")


def test_a_cancelled_run_is_nobodys_news(cast: Cast) -> None:
    add_webhook(cast.owner, url="https://example.com/", events=EVENTS)
    with OpenAIServer() as server:
        use_provider(cast.owner, server)
        run = launched(cast.runner, task("one"))
    assert transitions.end_unclaimed(run.pk)
    assert not Delivery.objects.exists()


def test_a_dead_receiver_slows_neither_runs_nor_sweeps(cast: Cast, worker: WorkerProcess, outbox: Outbox) -> None:
    with OpenAIServer("Fine.") as server, Receiver(hang=True) as dead:
        use_provider(cast.owner, server)
        add_webhook(cast.owner, url=dead.url, events=EVENTS)
        assert execute(launched(cast.runner, task("one")), worker).state == RunState.SUCCEEDED
        until(lambda: len(dead.received) == 1)
        # It hangs from here to the end of the test, and what follows would not come to its end if it waited for it.
        assert execute(launched(cast.runner, task("one")), worker).state == RunState.SUCCEEDED
        sweep()
        assert not dead.go_on.is_set()
        assert Delivery.objects.filter(state="due").count() == 2


def test_a_database_that_is_cut_off_does_not_end_the_sender(cast: Cast, outbox: Outbox) -> None:
    with Receiver() as receiver:
        add_webhook(cast.owner, url=receiver.url, events=EVENTS)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        from teams.webhooks.actions import announce

        announce(cast.team.pk, "run.failed", dict)
        until(lambda: len(receiver.received) == 1)
