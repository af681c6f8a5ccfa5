"""A month ends while two workers write, and is closed as soon as that may be: nothing is lost, and nobody hangs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from runs.closing.actions import close_month
from runs.ledger.group_commit import GroupCommit
from runs.ledger.journal import LedgerJournal
from runs.models import Bill, Call, ClosedBill, Correction, Run
from runs.worker import claim
from teams.refusals import Conflict
from tests.cast import Cast
from tests.runs.books import last_month, this_month
from tests.runs.clock import moved_clock
from tests.runs.ledger.test_corrections import answered
from tests.runs.ledger.test_journal import claimed_run, intent, journal_of
from tests.runs.ledger.test_months_overlap import before_midnight
from tests.runs.workers import assert_sums, in_thread

pytestmark = pytest.mark.django_db(transaction=True)

CALLS, CALL_S = 12, 0.15
BOOKED, EACH = 2_000_000, 750_000


class Closer:
    """An owner who tries to close last month, again and again, until it is closed."""

    def __init__(self, cast: Cast) -> None:
        self.refused: set[str] = set()
        self.faults: list[BaseException] = []
        self._cast, self._over = cast, threading.Event()
        self._thread = in_thread(self._close)

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _close(self) -> None:
        while not self._over.is_set():
            try:
                close_month(self._cast.owner, last_month())
                return
            except Conflict as conflict:
                self.refused.add(conflict.code)
                time.sleep(0.05)
            except BaseException as error:
                self.faults.append(error)
                return


@pytest.fixture
def two_writers() -> Iterator[list[GroupCommit]]:
    pair: list[GroupCommit] = []
    yield pair
    for writer in pair:
        writer.close()


async def works(journal: LedgerJournal) -> None:
    for step in range(CALLS):
        ticket = await journal.open_call(intent(step=step))
        await asyncio.sleep(CALL_S)
        await journal.settle_call(ticket, answered("0.00075"))


async def comes_late(journal: LedgerJournal, lost: object) -> None:
    """The exact figure of a lost call, once its month is closed."""
    while not await asyncio.to_thread(_closed):
        await asyncio.sleep(CALL_S)
    await journal.settle_call(lost, answered("0.00075"))


async def together(journals: list[LedgerJournal], lost: object) -> None:
    late, *others = journals
    await asyncio.gather(*(works(journal) for journal in others), comes_late(late, lost))


def test_two_workers_write_while_their_month_ends_and_is_closed(
    cast: Cast, two_writers: list[GroupCommit], caplog: pytest.LogCaptureFixture
) -> None:
    with moved_clock(before_midnight()) as set_clock, caplog.at_level(logging.WARNING, "runs.ledger.group_commit"):
        two_writers += [GroupCommit(), GroupCommit()]  # with connections that live by the moved clock
        runs = [claimed_run(cast) for _ in range(5)]
        journals = [journal_of(run, two_writers[number % 2]) for number, run in enumerate(runs)]
        lost = asyncio.run(journals[0].open_call(intent()))
        Run.objects.filter(pk=runs[0].pk).update(lease_until=before_midnight().replace(hour=1))
        assert claim.claim(runs[0].pk, owner="next")
        set_clock(before_midnight().replace(second=59))
        closer = Closer(cast)
        asyncio.run(asyncio.wait_for(together(journals, lost), 60))
        closer.end()
        for writer in two_writers:
            writer.close()
    assert closer.faults == []
    assert "month_not_over" in closer.refused
    said = [record.getMessage() for record in caplog.records if record.name == "runs.ledger.group_commit"]
    assert said == [], "a deadlock would be logged and tried again"
    closed, old, new = ClosedBill.objects.get(), last_month(), this_month()
    assert sorted(set(Call.objects.values_list("billed_month", flat=True))) == [old, new]
    assert closed.total_nusd == (Call.objects.filter(billed_month=old).count() - 1) * EACH + BOOKED
    assert Correction.objects.get().month == new
    assert Bill.objects.get(month=old).spent_nusd == closed.total_nusd
    assert sum(Bill.objects.values_list("spent_nusd", flat=True)) == (4 * CALLS + 1) * EACH
    for run in runs:
        assert_sums(run)


def _closed() -> bool:
    try:
        return ClosedBill.objects.exists()
    finally:
        connection.close()
