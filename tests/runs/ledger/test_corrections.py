"""A call of unknown outcome is booked at its worst; the exact figure replaces that, and what was booked is kept."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal

import pytest

from engine.catalogue.pricing import Usage
from engine.providers.llm import LLMReply
from engine.record.journal import CallOutcome, CallStatus
from runs.ledger.group_commit import GroupCommit
from runs.ledger.journal import LedgerJournal
from runs.models import Allowance, Bill, Call, ClockTimestamp, Correction, Run
from runs.run.standing import troubles_of
from runs.states import CallState
from runs.worker import claim
from tests.cast import Cast
from tests.runs.ledger.test_journal import assert_rollups_are_sums, claimed_run, intent, journal_of
from tests.runs.workers import expire

pytestmark = pytest.mark.django_db(transaction=True)

RESERVED = 2_000_000
MARCH = date(2026, 3, 1)


def lost_call(cast: Cast, writer: GroupCommit) -> tuple[Run, LedgerJournal, object]:
    """A run whose worker lost it in the middle of a call, that worker's journal, and the call's ticket."""
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    ticket = asyncio.run(journal.open_call(intent()))
    expire(run)
    assert claim.claim(run.pk, owner="worker-2") is not None
    return run, journal, ticket


def answered(usd: str) -> CallOutcome:
    usage = Usage(prompt_tokens=100, completion_tokens=50)
    reply = LLMReply(text="Late.", usage=usage, model="gpt-4o")
    return CallOutcome(CallStatus.OK, reply=reply, usage=usage, cost_usd=Decimal(usd))


def test_the_exact_figure_replaces_the_assumption_and_a_line_keeps_it(cast: Cast, writer: GroupCommit) -> None:
    run, journal, ticket = lost_call(cast, writer)
    assert Call.objects.get().cost_nusd == RESERVED
    asyncio.run(journal.settle_call(ticket, answered("0.0005")))
    call, correction = Call.objects.get(), Correction.objects.get()
    assert (call.state, call.cost_nusd) == (CallState.LATE, 500_000)
    assert (correction.booked_nusd, correction.cost_nusd) == (RESERVED, 500_000)
    assert correction.month == call.billed_month
    bill, allowance = Bill.objects.get(), Allowance.objects.get()
    assert bill.spent_nusd == allowance.spent_nusd == 500_000
    assert_rollups_are_sums(run)


def test_a_refusal_that_comes_late_costs_nothing(cast: Cast, writer: GroupCommit) -> None:
    run, journal, ticket = lost_call(cast, writer)
    asyncio.run(journal.settle_call(ticket, CallOutcome(CallStatus.ERROR, error="Overloaded.")))
    assert Correction.objects.get().cost_nusd == 0
    assert Bill.objects.get().spent_nusd == 0
    assert_rollups_are_sums(run)


def test_a_closed_bill_is_not_changed_and_the_difference_is_on_the_present_one(cast: Cast, writer: GroupCommit) -> None:
    _, journal, ticket = lost_call(cast, writer)
    this_month = Call.objects.get().billed_month
    Call.objects.update(billed_month=MARCH)
    Allowance.objects.update(month=MARCH)
    Bill.objects.update(month=MARCH, closed_at=ClockTimestamp())
    # Something else is spent this month.
    other = claimed_run(cast)
    other_journal = journal_of(other, writer)
    asyncio.run(other_journal.settle_call(asyncio.run(other_journal.open_call(intent())), answered("0.0019")))

    asyncio.run(journal.settle_call(ticket, answered("0.0005")))
    assert Correction.objects.get().month == this_month
    closed, present = Bill.objects.order_by("month")
    assert (closed.spent_nusd, present.spent_nusd) == (RESERVED, 1_900_000 - 1_500_000)
    before, now = Allowance.objects.order_by("month")
    assert (before.spent_nusd, now.spent_nusd) == (RESERVED, 1_900_000 - 1_500_000)


def test_that_nobody_knows_once_more_changes_nothing(cast: Cast, writer: GroupCommit) -> None:
    run, journal, ticket = lost_call(cast, writer)
    unknown = CallOutcome(CallStatus.UNKNOWN, cost_usd=Decimal("0.002"), error="Timed out.")
    asyncio.run(journal.settle_call(ticket, unknown))
    assert not Correction.objects.exists()
    assert Call.objects.get().cost_nusd == RESERVED
    assert_rollups_are_sums(run)


def test_what_is_told_twice_is_booked_once(cast: Cast, writer: GroupCommit) -> None:
    run, journal, ticket = lost_call(cast, writer)
    for _ in range(2):
        asyncio.run(journal.settle_call(ticket, answered("0.0005")))
    assert Correction.objects.count() == 1
    assert_rollups_are_sums(run)


def test_people_are_told_what_it_means_in_money(cast: Cast, writer: GroupCommit) -> None:
    run, journal, ticket = lost_call(cast, writer)
    run.refresh_from_db()
    before = troubles_of(run)
    assert (before.takeovers, before.unknown, before.unknown_nusd, before.late) == (1, 1, RESERVED, 0)
    asyncio.run(journal.settle_call(ticket, answered("0.0005")))
    after = troubles_of(run)
    assert (after.unknown, after.late, after.late_nusd) == (0, 1, 500_000)
    assert (after.corrected, after.over_booked_nusd) == (1, 1_500_000)
