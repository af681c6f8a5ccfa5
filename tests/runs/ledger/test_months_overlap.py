"""Two months at once: no two writers wait for each other, and what waited for a closing finds an open month."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.closing.actions import close_month
from runs.ledger import locks
from runs.ledger.call_lines import Owner as CallOwner
from runs.ledger.call_lines import line_to_settle, open_line, settle
from runs.ledger.group_commit import GroupCommit
from runs.ledger.journal import Ticket
from runs.ledger.locks import Locks
from runs.models import Allowance, Bill, Call, ClosedBill, Correction, Run, new_id
from runs.states import CallState, RunState
from tests.cast import Cast
from tests.runs.books import last_month, this_month
from tests.runs.clock import moved_clock
from tests.runs.ledger.test_corrections import answered, lost_call
from tests.runs.ledger.test_journal import claimed_run, intent, journal_of, paid
from tests.runs.workers import blocked, in_thread

pytestmark = pytest.mark.django_db(transaction=True)

TOGETHER_S = 0.6
"""How long an operation waits for the other writer to be in the midst of its batch too."""


def of_last_month(*runs: Run) -> None:
    """The calls of these runs, which are open, were opened last month: on its bill and allowance, which are open."""
    for run in runs:
        Call.objects.filter(run=run).update(billed_month=last_month())
    held = sum(Call.objects.filter(run__in=runs).values_list("reserved_nusd", flat=True))
    for model, whose in ((Bill, {}), (Allowance, {"user": runs[0].created_by})):
        row = model.objects.get(team=runs[0].team, month=this_month(), **whose)
        model.objects.filter(pk=row.pk).update(reserved_nusd=row.reserved_nusd - held)
        model.objects.create(team=row.team, month=last_month(), reserved_nusd=held, **whose)


def in_one_batch(writer: GroupCommit, operations: list[tuple[Callable[[], Any], Locks]]) -> list[Any]:
    """Submits them while the writer is busy, so that they become one transaction."""
    begun, go_on = threading.Event(), threading.Event()
    busy = writer.submit(lambda: (begun.set(), go_on.wait(10)))
    assert begun.wait(10)
    futures = [writer.submit(operation, locks=shared) for operation, shared in operations]
    return [busy, go_on, *futures]


def meeting() -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """What is given to it waits, once it is done, for the other one that is."""
    met = threading.Barrier(2)

    def and_meet(operation: Callable[[], Any]) -> Callable[[], Any]:
        def met_within() -> Any:
            result = operation()
            with suppress(threading.BrokenBarrierError):
                met.wait(TOGETHER_S)
            return result

        return met_within

    return and_meet


@pytest.mark.parametrize("in_order", [True, False], ids=["bills are locked first", "control: as each is needed"])
def test_two_batches_that_need_two_months_do_not_wait_for_each_other(
    cast: Cast, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, in_order: bool
) -> None:
    """One settles a call of last month and opens one of this, the other does it the other way round."""
    if not in_order:
        monkeypatch.setattr(locks, "LOCK_BILLS", locks.LOCK_RUNS)
    writers = [GroupCommit(), GroupCommit()]
    runs = [claimed_run(cast) for _ in range(4)]
    journals = [journal_of(run, writers[number % 2]) for number, run in enumerate(runs)]
    old = [asyncio.run(journal.open_call(intent())) for journal in journals[:2]]
    asyncio.run(journals[2].settle_call(asyncio.run(journals[2].open_call(intent())), paid("0.001")))
    of_last_month(*runs[:2])
    and_meet = meeting()

    def settles(number: int) -> tuple[Callable[[], Any], Locks]:
        ticket = old[number]
        assert isinstance(ticket, Ticket)
        shared = Locks(cast.team.pk, runs[number].pk, spends=True, settles=ticket.call_id)
        return lambda: journals[number]._settle(ticket, paid("0.001")), shared

    def opens(number: int) -> tuple[Callable[[], Any], Locks]:
        ticket = Ticket(new_id(), intent(step=5))
        waits = {"waited_ms": 0, "budget_ms": 0}
        return lambda: journals[number]._open(ticket, waits), Locks(cast.team.pk, runs[number].pk, spends=True)

    orders = [[settles(0), opens(2)], [opens(3), settles(1)]]
    batches = [
        in_one_batch(writer, [(and_meet(first), of_first), second])
        for writer, ((first, of_first), second) in zip(writers, orders, strict=True)
    ]
    with caplog.at_level(logging.WARNING, logger="runs.ledger.group_commit"):
        for _, go_on, *_ in batches:
            go_on.set()
        for _, _, *futures in batches:
            assert [future.result(timeout=30) for future in futures] == [None, None]
    for writer in writers:
        writer.close()
    said = [record for record in caplog.records if record.name == "runs.ledger.group_commit"]
    assert bool(said) is not in_order, "a deadlock is logged and tried again"
    assert sorted(Call.objects.values_list("state", flat=True)) == ["intent", "intent", "ok", "ok", "ok"]
    assert list(Bill.objects.order_by("month").values_list("spent_nusd", "reserved_nusd")) == [
        (2_000_000, 0),
        (1_000_000, 4_000_000),
    ]


def before_midnight() -> datetime:
    first = this_month()
    return datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(seconds=30)


def after_midnight() -> datetime:
    return before_midnight() + timedelta(seconds=60)


def test_a_late_figure_that_waits_while_its_month_is_closed_goes_to_the_month_that_has_begun(
    cast: Cast, writer: GroupCommit
) -> None:
    """Its statement began before midnight, and the bill that it found locked is closed after it."""
    _, _, ticket = lost_call(cast, writer)
    assert isinstance(ticket, Ticket)
    Call.objects.update(billed_month=last_month())
    for model in (Bill, Allowance):
        model.objects.update(month=last_month())
    faults: list[BaseException] = []

    def books_late() -> None:
        try:
            with transaction.atomic():
                line = line_to_settle(ticket.call_id)
                assert line
                settle(line, answered("0.0005"), fresh=False)
        except BaseException as error:
            faults.append(error)

    with moved_clock(before_midnight()) as set_clock:
        with transaction.atomic():
            Bill.objects.select_for_update().get(month=last_month())
            waits = in_thread(books_late)
            blocked()
            set_clock(after_midnight())
            closed = close_month(cast.owner, last_month())
        waits.join()
    assert faults == []
    assert Correction.objects.get().month == this_month()
    before, now = Bill.objects.order_by("month")
    assert (before.spent_nusd, now.spent_nusd) == (2_000_000, -1_500_000)
    assert (closed.total_nusd, ClosedBill.objects.get().total_nusd) == (2_000_000, 2_000_000)


def test_a_call_whose_statement_began_before_midnight_is_not_opened_in_a_month_that_was_closed(cast: Cast) -> None:
    run = claimed_run(cast)
    Bill.objects.create(team=cast.team, month=last_month())
    opened: list[Any] = []
    mine = CallOwner(cast.team.pk, run.pk, run.lease_epoch, None)

    def opens() -> None:
        waits = {"waited_ms": 0, "budget_ms": 0}
        with transaction.atomic():
            opened.append(open_line(new_id(), intent(), mine, credential="", waits=waits))

    with moved_clock(before_midnight()) as set_clock:
        with transaction.atomic():
            Bill.objects.select_for_update().get(month=last_month())
            waits = in_thread(opens)
            blocked()
            set_clock(after_midnight())
            close_month(cast.owner, last_month())
        waits.join()
        opens()
    first, again = opened
    assert (first.bill_id, first.written) == (None, False)
    assert again.written
    assert Call.objects.get().billed_month == this_month()
    assert Bill.objects.get(month=last_month()).reserved_nusd == 0


def test_all_bills_are_locked_before_the_first_rollup(cast: Cast, writer: GroupCommit) -> None:
    """Else a late figure of an ended run could hold rollups and wait for a bill, while another does it otherwise."""
    run, _, ticket = lost_call(cast, writer)
    assert isinstance(ticket, Ticket)
    Call.objects.update(billed_month=last_month())
    for model in (Bill, Allowance):
        model.objects.update(month=last_month())
    ended = {"state": RunState.FAILED, "finished_at": timezone.now(), "lease_owner": "", "lease_until": None}
    Run.objects.filter(pk=run.pk).update(**ended)
    Bill.objects.update(closed_at=timezone.now())
    with CaptureQueriesContext(connection) as seen, transaction.atomic():
        line = line_to_settle(ticket.call_id)
        assert line
        settle(line, answered("0.0005"), fresh=False)
    statements = [query["sql"] for query in seen.captured_queries]
    bills = [place for place, one in enumerate(statements) if "runs_bill " in one and "runs_call SET" not in one]
    sums = [place for place, one in enumerate(statements) if "runs_fold" in one]
    assert len(bills) == 2, "the closed one, then this month's"
    assert len(sums) == 2, "taken out and added"
    assert max(bills) < min(sums)
    assert Call.objects.get().state == CallState.LATE
