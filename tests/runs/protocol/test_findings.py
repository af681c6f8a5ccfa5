"""What was found while ``test_protocol_machine`` was written, each as the shortest story that shows it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from engine.catalogue.pricing import Price
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from runs.ledger.call_lines import Owner, open_line
from runs.ledger.group_commit import GroupCommit
from runs.ledger.journal import LedgerJournal
from runs.ledger.replay import read_replay
from runs.limits.actions import TeamLimits, set_limits
from runs.models import Allowance, Bill, Call, Correction, Run, new_id
from runs.states import CallState
from runs.worker import claim
from teams.models import Team
from tests.cast import Cast
from tests.runs.workers import expire, in_thread, launched, task

pytestmark = pytest.mark.django_db(transaction=True)


def lost_last_month(cast: Cast, writer: GroupCommit) -> tuple[LedgerJournal, object]:
    """A call of last month whose worker was lost, booked at its worst case on a bill that is closed by now."""
    run = launched(cast.runner, task("only"))
    Run.objects.filter(pk=run.pk).update(simulated=False)
    claimed = claim.claim(run.pk, owner="lost")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), writer)
    price = Price(Decimal("2.5"), Decimal(10))
    intent = CallIntent(
        "only", "worker", 0, 1, CallKind.MODEL, model="gpt-4o", reserved_usd=Decimal("0.01"), price=price
    )
    ticket = asyncio.run(journal.open_call(intent))
    expire(run)
    assert claim.claim(run.pk, owner="next")
    last_month = (timezone.now().date().replace(day=1) - timedelta(days=1)).replace(day=1)
    Call.objects.update(billed_month=last_month)
    Allowance.objects.update(month=last_month)
    Bill.objects.update(month=last_month, closed_at=timezone.now())
    return journal, ticket


def test_a_late_answer_that_is_cheaper_than_a_closed_bill_took_it_for_is_booked(
    cast: Cast, writer: GroupCommit
) -> None:
    """The new month has nothing yet that the difference could be taken from."""
    journal, ticket = lost_last_month(cast, writer)
    asyncio.run(journal.settle_call(ticket, CallOutcome(CallStatus.OK, cost_usd=Decimal("0.004"))))
    call = Call.objects.get()
    assert (call.state, call.cost_nusd) == (CallState.LATE, 4_000_000)
    assert Correction.objects.get().booked_nusd == 10_000_000
    assert list(Bill.objects.order_by("month").values_list("spent_nusd", flat=True)) == [10_000_000, -6_000_000]


def test_a_correction_begins_a_persons_month_with_the_budget_of_that_month(cast: Cast, writer: GroupCommit) -> None:
    journal, ticket = lost_last_month(cast, writer)
    Team.objects.update(user_budget_nusd=20_000_000)
    asyncio.run(journal.settle_call(ticket, CallOutcome(CallStatus.OK, cost_usd=Decimal("0.01"))))
    assert Allowance.objects.order_by("month").values_list("budget_nusd", flat=True).last() == 20_000_000


def test_a_budget_that_is_set_while_a_month_begins_holds_in_it(cast: Cast) -> None:
    run = claim.claim(launched(cast.runner, task("only")).pk, owner="worker")
    assert run
    intent = CallIntent("only", "worker", 0, 1, CallKind.MODEL, model="gpt-4o", reserved_usd=Decimal("0.01"))
    opened, may_commit = threading.Event(), threading.Event()

    def open_slowly() -> None:
        with transaction.atomic():
            open_line(
                new_id(),
                intent,
                Owner(run.team_id, run.pk, 1, None),
                credential="",
                waits={"waited_ms": 0, "budget_ms": 0},
            )
            opened.set()
            assert may_commit.wait(30)

    opening = in_thread(open_slowly)
    assert opened.wait(30)
    setting = in_thread(set_limits, cast.owner, TeamLimits(budget_usd=Decimal("0.02")))
    setting.join(1.0)  # if it waits for the other, which is right too, it ends after it
    may_commit.set()
    opening.join(30)
    setting.join(30)
    assert Bill.objects.get().budget_nusd == Team.objects.get(pk=cast.team.pk).budget_nusd == 20_000_000
