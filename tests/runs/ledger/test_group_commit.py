"""Group commit: what is submitted is committed or taken back, and nobody who gives up takes the writer with them."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.db import connection
from django.db.models import F

from engine.errors import Cancelled
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from runs.ledger import group_commit
from runs.ledger.group_commit import GroupCommit
from runs.ledger.journal import LedgerJournal
from runs.ledger.replay import read_replay
from runs.models import Call, Run
from runs.worker import claim
from tests.cast import Cast
from tests.runs.workers import assert_sums, launched, task

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_gives_up_while_it_is_written_does_not_stop_the_writer(writer: GroupCommit) -> None:
    begun, go_on = threading.Event(), threading.Event()
    slow = writer.submit(lambda: (begun.set(), go_on.wait(5)))
    assert begun.wait(5)
    waiting = writer.submit(lambda: 1)
    assert not slow.cancel(), "it is being written"
    assert waiting.cancel(), "nobody has begun it"
    go_on.set()
    assert writer.submit(lambda: 7).result(timeout=5) == 7


def test_who_was_frozen_in_mid_transaction_writes_it_anew(writer: GroupCommit) -> None:
    tries = []

    def freeze_once() -> int:
        tries.append(1)
        with connection.cursor() as cursor:
            if len(tries) == 1:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
                time.sleep(1)
            cursor.execute("SELECT 7")
            found: int = cursor.fetchone()[0]
        return found

    assert writer.submit(freeze_once).result(timeout=20) == 7
    assert len(tries) == 2


def test_rows_are_not_locked_for_all_of_a_slow_batch(
    cast: Cast, writer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the keeper of the leases waits for minutes, and the runs are lost although the worker lives."""
    monkeypatch.setattr(group_commit, "MAX_TRANSACTION_S", 0.0)
    run = claim.claim(launched(cast.runner, task("only")).pk, owner="worker-1")
    assert run
    begun, go_on, third, end = threading.Event(), threading.Event(), threading.Event(), threading.Event()

    def touch() -> None:
        Run.objects.filter(pk=run.pk).update(revision=F("revision") + 1)

    writer.submit(lambda: (begun.set(), go_on.wait(5)))
    assert begun.wait(5)
    writer.submit(touch)
    last = writer.submit(lambda: (third.set(), end.wait(20)))  # gathered with the one before
    go_on.set()
    assert third.wait(5)
    assert claim.beat([(run.pk, run.lease_epoch)]) == set(), "the row is free although the batch is not done"
    assert not last.done()
    end.set()
    last.result(timeout=5)


def test_what_goes_into_several_transactions_is_all_written_in_order(
    writer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_TRANSACTION_S", 0.0)
    begun, go_on = threading.Event(), threading.Event()
    writer.submit(lambda: (begun.set(), go_on.wait(5)))
    assert begun.wait(5)
    transactions = [writer.submit(_transaction) for _ in range(5)]
    failing = writer.submit(lambda: 1 // 0)
    after = writer.submit(_transaction)
    go_on.set()
    ids = [future.result(timeout=5) for future in (*transactions, after)]
    assert len(set(ids)) == 6
    assert ids == sorted(ids)
    with pytest.raises(ZeroDivisionError):
        failing.result(timeout=5)


def _transaction() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        number: int = cursor.fetchone()[0]
    return number


def test_a_closed_writer_refuses_instead_of_keeping_silent() -> None:
    writer = GroupCommit()
    writer.close()
    with pytest.raises(Cancelled):
        writer.submit(lambda: 1)


def test_a_call_that_is_cancelled_while_it_is_opened_costs_nothing(cast: Cast, writer: GroupCommit) -> None:
    run = claim.claim(launched(cast.runner, task("only")).pk, owner="worker-1")
    assert run
    journal = LedgerJournal(run, read_replay(run), writer)
    intent = CallIntent("only", "worker", 0, 1, CallKind.MODEL, model="gpt-4o-mini")
    begun, go_on = threading.Event(), threading.Event()

    async def cancelled_while_opening() -> None:
        writer.submit(lambda: (begun.set(), go_on.wait(5)))
        begun.wait(5)
        opening = asyncio.create_task(journal.open_call(intent))
        await asyncio.sleep(0.05)
        opening.cancel()
        await asyncio.sleep(0.05)
        assert not opening.done(), "it waits until it is known whether the call was opened"
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await journal.settle_call(await journal.open_call(intent), CallOutcome(CallStatus.OK, cost_usd=None))

    asyncio.run(cancelled_while_opening())
    calls = list(Call.objects.values_list("state", "cost_nusd", "cost_class"))
    assert calls == [("error", 0, "cancelled"), ("ok", None, "work")]
    assert_sums(run)
