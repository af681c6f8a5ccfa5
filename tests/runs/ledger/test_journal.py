"""The ledger: reserve before a call, settle after it, once, and every rollup is the sum of its calls."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.db.models import Sum
from django.utils import timezone

from engine.catalogue.pricing import Price, Usage
from engine.crew.booking import refused
from engine.errors import Cancelled, LimitReached, ModelRefused
from engine.providers.llm import LLMReply
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus, RefusedBy, TaskResult, TaskStatus
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.ledger import transitions
from runs.ledger.abandoned_calls import close_calls_of_ended_runs
from runs.ledger.group_commit import GroupCommit
from runs.ledger.invariants import look
from runs.ledger.journal import LedgerJournal
from runs.ledger.replay import read_replay
from runs.models import Allowance, Bill, Call, Run
from runs.run.actions import request_cancel
from runs.states import CallState, CostClass, RunState
from runs.worker import claim
from teams.models import Membership
from tests.cast import Cast, make_crew

pytestmark = pytest.mark.django_db(transaction=True)

PRICE = Price(input_usd_per_mtok=Decimal("2.5"), output_usd_per_mtok=Decimal(10))
USAGE = Usage(prompt_tokens=100, cached_prompt_tokens=20, completion_tokens=50, reasoning_tokens=5)
COST = Decimal("0.00075")


def claimed_run(cast: Cast, *, budget_usd: str | None = None, simulated: bool = False) -> Run:
    order = LaunchOrder(inputs={"company": "Acme"}, budget_usd=Decimal(budget_usd) if budget_usd else None)
    run = launch(cast.owner, make_crew(cast.owner), order)
    Run.objects.filter(pk=run.pk).update(simulated=simulated)
    claimed = claim.claim(run.pk, owner="worker-1")
    assert claimed is not None
    return claimed


def journal_of(run: Run, writer: GroupCommit) -> LedgerJournal:
    return LedgerJournal(run, read_replay(run), writer)


def intent(*, step: int = 0, attempt: int = 1, reserved: str = "0.002", simulated: bool = False) -> CallIntent:
    return CallIntent(
        task="figures",
        agent="finance",
        step=step,
        attempt=attempt,
        kind=CallKind.MODEL,
        model="gpt-4o",
        messages=({"role": "user", "content": "Figures, please \x00 \ud800"},),
        reserved_usd=Decimal(reserved),
        price=PRICE,
        simulated=simulated,
    )


def paid(cost_usd: str) -> CallOutcome:
    return CallOutcome(CallStatus.OK, cost_usd=Decimal(cost_usd))


def answered() -> CallOutcome:
    reply = LLMReply(text="Here: \x00", usage=USAGE, model="gpt-4o-2024-08-06", latency_ms=12)
    return CallOutcome(status=CallStatus.OK, reply=reply, usage=USAGE, cost_usd=COST, latency_ms=12)


async def open_and_settle(journal: LedgerJournal, call: CallIntent, outcome: CallOutcome) -> None:
    await journal.settle_call(await journal.open_call(call), outcome)


def assert_rollups_are_sums(run: Run) -> None:
    run.refresh_from_db()
    calls = run.calls.all()
    sums = calls.aggregate(cost=Sum("cost_nusd"), prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
    assert run.spent_nusd == (sums["cost"] or 0)
    assert (run.prompt_tokens, run.completion_tokens) == (sums["prompt"] or 0, sums["completion"] or 0)
    tasks = run.tasks.aggregate(cost=Sum("spent_nusd"), prompt=Sum("prompt_tokens"))
    assert (tasks["cost"], tasks["prompt"]) == (run.spent_nusd, run.prompt_tokens)
    open_calls = calls.filter(state=CallState.INTENT).aggregate(reserved=Sum("reserved_nusd"))
    assert run.reserved_nusd == (open_calls["reserved"] or 0)
    real = calls.filter(simulated=False).aggregate(cost=Sum("cost_nusd"))
    bill = Bill.objects.filter(team=run.team).aggregate(spent=Sum("spent_nusd"), reserved=Sum("reserved_nusd"))
    assert (bill["spent"] or 0) == (real["cost"] or 0)


def test_an_open_call_is_an_intent_that_holds_its_reservation(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    asyncio.run(journal_of(run, writer).open_call(intent()))
    call = run.calls.get()
    assert (call.state, call.reserved_nusd, call.cost_nusd) == (CallState.INTENT, 2_000_000, None)
    run.refresh_from_db()
    assert (run.reserved_nusd, run.spent_nusd) == (2_000_000, 0)
    assert Bill.objects.get(team=run.team).reserved_nusd == 2_000_000


def test_a_settled_call_costs_what_it_cost_and_frees_the_rest(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    asyncio.run(open_and_settle(journal_of(run, writer), intent(), answered()))
    call = run.calls.get()
    assert (call.state, call.cost_class, call.cost_nusd) == (CallState.OK, CostClass.WORK, 750_000)
    assert (call.model, call.model_answered) == ("gpt-4o", "gpt-4o-2024-08-06")
    run.refresh_from_db()
    assert (run.spent_nusd, run.reserved_nusd, run.successful_requests) == (750_000, 0, 1)
    assert (run.prompt_tokens, run.cached_prompt_tokens, run.reasoning_tokens) == (100, 20, 5)
    assert_rollups_are_sums(run)


def test_text_that_postgresql_refuses_is_kept_with_marks(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    asyncio.run(open_and_settle(journal_of(run, writer), intent(), answered()))
    call = run.calls.get()
    assert call.messages[0]["content"] == "Figures, please \ufffd \ufffd"
    assert call.reply["text"] == "Here: \ufffd"


def test_a_simulated_call_is_not_on_the_bill(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast, simulated=True)
    asyncio.run(open_and_settle(journal_of(run, writer), intent(simulated=True), answered()))
    run.refresh_from_db()
    assert run.spent_nusd == 750_000
    assert not Bill.objects.filter(team=run.team).exists()


def test_a_reservation_beyond_the_runs_budget_is_refused_and_leaves_no_trace(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast, budget_usd="0.003")
    journal = journal_of(run, writer)
    asyncio.run(open_and_settle(journal, intent(step=0), paid("0.0015")))
    with pytest.raises(LimitReached) as refused:
        asyncio.run(journal.open_call(intent(step=1)))
    assert (refused.value.limit, refused.value.needs_usd) == ("run_budget", Decimal("0.002"))
    assert run.calls.count() == 1
    assert_rollups_are_sums(run)


def test_a_reservation_beyond_the_teams_budget_is_refused_and_given_back(cast: Cast, writer: GroupCommit) -> None:
    cast.team.budget_nusd = 3_000_000
    cast.team.save()
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    asyncio.run(open_and_settle(journal, intent(step=0), paid("0.0015")))
    with pytest.raises(LimitReached) as refused:
        asyncio.run(journal.open_call(intent(step=1)))
    assert (refused.value.limit, refused.value.figure) == ("team_budget", Decimal("0.0015"))
    assert "$0.0015" in str(refused.value)
    assert_rollups_are_sums(run)


def test_a_teams_first_call_of_the_month_beyond_its_budget_is_refused(cast: Cast, writer: GroupCommit) -> None:
    cast.team.budget_nusd = 1_000_000
    cast.team.save()
    run = claimed_run(cast)
    with pytest.raises(LimitReached):
        asyncio.run(journal_of(run, writer).open_call(intent()))
    assert not Bill.objects.filter(team=run.team).exists()


def test_what_calls_in_flight_hold_is_waited_for(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast, budget_usd="0.003")
    journal = journal_of(run, writer)

    async def open_two() -> object:
        first = await journal.open_call(intent(step=0))
        second = asyncio.create_task(journal.open_call(intent(step=1)))
        await asyncio.sleep(0.3)
        assert not second.done()
        await journal.settle_call(first, paid("0.0005"))
        return await second

    asyncio.run(open_two())
    assert run.calls.count() == 2
    waited = run.calls.get(step=1)
    assert 200 <= waited.budget_ms <= waited.waited_ms
    assert run.calls.get(step=0).budget_ms == 0
    assert_rollups_are_sums(run)


def test_a_members_budget_is_refused_and_given_back(cast: Cast, writer: GroupCommit) -> None:
    cast.team.user_budget_nusd = 3_000_000
    cast.team.save()
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    asyncio.run(open_and_settle(journal, intent(step=0), paid("0.0015")))
    with pytest.raises(LimitReached) as refused:
        asyncio.run(journal.open_call(intent(step=1)))
    assert refused.value.limit == "user_budget"
    assert_rollups_are_sums(run)


def test_a_members_own_budget_overrides_the_teams(cast: Cast, writer: GroupCommit) -> None:
    cast.team.user_budget_nusd = 1_000_000
    cast.team.save()
    Membership.objects.filter(team=cast.team, user=cast.owner.user).update(budget_nusd=5_000_000)
    run = claimed_run(cast)
    asyncio.run(open_and_settle(journal_of(run, writer), intent(), paid("0.0015")))
    allowance = Allowance.objects.get(team=cast.team, user=cast.owner.user)
    assert (allowance.budget_nusd, allowance.spent_nusd, allowance.reserved_nusd) == (5_000_000, 1_500_000, 0)


@pytest.mark.parametrize(("cost", "least"), [("0.002", 7), ("0.0005", 25)])
def test_fifty_calls_racing_for_a_budget_of_seven_never_overrun_it(
    cast: Cast, writer: GroupCommit, cost: str, least: int
) -> None:
    """Seven at their worst; the cheaper they turn out, the more of them it covers."""
    run = claimed_run(cast, budget_usd="0.0155")
    journal = journal_of(run, writer)

    async def call(step: int) -> None:
        await open_and_settle(journal, intent(step=step), paid(cost))

    async def race() -> list[object]:
        return await asyncio.gather(*(call(step) for step in range(50)), return_exceptions=True)

    results = asyncio.run(race())
    let_through = sum(result is None for result in results)
    assert let_through == run.calls.count() >= least
    assert sum(isinstance(result, LimitReached) for result in results) == 50 - let_through
    run.refresh_from_db()
    assert run.spent_nusd <= 15_500_000 < run.spent_nusd + 2_000_000
    assert_rollups_are_sums(run)


def test_no_call_is_opened_once_the_run_was_asked_to_stop(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    request_cancel(cast.owner, run)
    with pytest.raises(Cancelled):
        asyncio.run(journal_of(run, writer).open_call(intent()))
    assert not run.calls.exists()


def test_a_zombie_opens_no_call_but_what_it_was_billed_for_is_booked(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    ticket = asyncio.run(journal.open_call(intent()))
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claim.claim(run.pk, owner="worker-2") is not None
    call = run.calls.get()
    assert (call.state, call.cost_nusd) == (CallState.UNKNOWN, 2_000_000)
    assert_rollups_are_sums(run)

    with pytest.raises(Cancelled):
        asyncio.run(journal.open_call(intent(step=1)))
    asyncio.run(journal.settle_call(ticket, answered()))
    call.refresh_from_db()
    assert (call.state, call.cost_nusd, call.cost_class) == (CallState.LATE, 750_000, CostClass.DUPLICATE)
    assert_rollups_are_sums(run)


def test_a_zombie_writes_no_output(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    claim.claim(run.pk, owner="worker-2")
    asyncio.run(journal.task_ended(TaskResult("figures", TaskStatus.SUCCEEDED, raw="mine")))
    assert run.tasks.get(key="figures").state == TaskStatus.PENDING


def test_settling_twice_books_once(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    ticket = asyncio.run(journal.open_call(intent()))
    asyncio.run(journal.settle_call(ticket, answered()))
    asyncio.run(journal.settle_call(ticket, answered()))
    run.refresh_from_db()
    assert (run.spent_nusd, run.successful_requests) == (750_000, 1)
    assert_rollups_are_sums(run)


def test_a_refusal_costs_nothing_and_its_retry_is_booked_as_one(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    refused = CallOutcome(status=CallStatus.ERROR, error="429: slow down", error_code="provider_error")
    asyncio.run(open_and_settle(journal, intent(attempt=1), refused))
    asyncio.run(open_and_settle(journal, intent(attempt=2), answered()))
    classes = list(run.calls.order_by("attempt").values_list("cost_class", "cost_nusd"))
    assert classes == [(CostClass.FAILED, 0), (CostClass.RETRY, 750_000)]
    assert_rollups_are_sums(run)


def test_a_models_refusal_is_booked_at_its_usage_and_found_by_a_replay(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    reply = LLMReply(
        text="", usage=USAGE, model="gpt-4o", refusal="No.", reasoning="Hm\x00", own_fields='{"a": "\\u0000"}'
    )
    refusal = refused(ModelRefused("gpt-4o refused to answer: No.", reply=reply), intent())
    assert refusal.cost_usd == COST
    asyncio.run(open_and_settle(journal_of(run, writer), intent(), refusal))
    call = run.calls.get()
    assert (call.state, call.cost_class, call.cost_nusd) == (CallState.ERROR, CostClass.FAILED, 750_000)
    assert (call.error_code, call.reply["refusal"]) == ("model_refused", "No.")
    assert_rollups_are_sums(run)
    assert [finding.name for finding in look() if finding.count] == []
    recorded = read_replay(run).calls["figures", "", 0]
    assert (recorded.outcome.status, recorded.outcome.error) == (CallStatus.ERROR, "gpt-4o refused to answer: No.")
    assert recorded.outcome.reply == replace(reply, reasoning="Hm\ufffd")
    asyncio.run(open_and_settle(journal_of(run, writer), intent(attempt=2), answered()))
    assert read_replay(run).calls["figures", "", 0].outcome.status is CallStatus.OK


def test_a_reply_of_before_there_were_these_fields_is_read(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    asyncio.run(open_and_settle(journal_of(run, writer), intent(), answered()))
    call = run.calls.get()
    for name in ("reasoning", "refusal", "own_fields"):
        del call.reply[name]
    call.save(update_fields=["reply"])
    recorded = read_replay(run).calls["figures", "", 0].outcome.reply
    assert recorded is not None
    assert (recorded.reasoning, recorded.refusal, recorded.own_fields) == ("", "", "")


def test_what_a_refused_answer_cost_is_booked_as_rejected_once(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    asyncio.run(open_and_settle(journal, intent(), answered()))
    asyncio.run(open_and_settle(journal, intent(step=1), answered()))
    for by in (RefusedBy.GUARDRAIL, RefusedBy.PERSON):  # a replay says it again
        asyncio.run(journal.answer_refused("figures", by, branch="", step=0))
    found = list(run.calls.order_by("step").values_list("cost_class", "refused_by"))
    assert found == [(CostClass.REJECTED, "guardrail"), (CostClass.WORK, "")]
    asyncio.run(journal.answer_refused("figures", RefusedBy.SCHEMA, branch="", step=None))
    assert run.calls.get(step=1).refused_by == "schema"
    assert_rollups_are_sums(run)


def test_a_zombie_marks_no_answer_and_a_reused_one_stays_what_it_is(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    asyncio.run(open_and_settle(journal_of(run, writer), intent(), answered()))
    zombie = journal_of(run, writer)
    Run.objects.filter(pk=run.pk).update(lease_epoch=run.lease_epoch + 1)
    asyncio.run(zombie.answer_refused("figures", RefusedBy.GUARDRAIL, branch="", step=0))
    assert run.calls.get().cost_class == CostClass.WORK
    run.refresh_from_db()
    run.calls.update(cache_hit=True, cost_class=CostClass.CACHE_HIT)
    asyncio.run(journal_of(run, writer).answer_refused("figures", RefusedBy.GUARDRAIL, branch="", step=0))
    assert (run.calls.get().cost_class, run.calls.get().refused_by) == (CostClass.CACHE_HIT, "")


def test_an_unknown_price_is_unpriced_and_not_free(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    outcome = CallOutcome(status=CallStatus.OK, reply=answered().reply, usage=USAGE, cost_usd=None)
    asyncio.run(open_and_settle(journal_of(run, writer), intent(reserved="0"), outcome))
    run.refresh_from_db()
    assert (run.unpriced_calls, run.calls.get().cost_nusd) == (1, None)


def test_replay_reads_finished_tasks_and_finished_calls_of_the_others(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    journal = journal_of(run, writer)

    async def work() -> None:
        await journal.task_started("figures", "finance")
        await open_and_settle(journal, intent(step=0), answered())
        await journal.task_ended(TaskResult("figures", TaskStatus.SUCCEEDED, raw="42", data={"n": 42}))
        await journal.task_started("headlines", "news")

    asyncio.run(work())
    replay = read_replay(run)
    assert replay.results["figures"].data == {"n": 42}
    assert replay.calls == {}

    run.tasks.filter(key="figures").update(state=TaskStatus.RUNNING, finished_at=None)
    record = read_replay(run).calls["figures", "", 0]
    assert record.outcome.reply is not None
    assert (record.outcome.reply.text, record.outcome.reply.usage) == ("Here: \ufffd", USAGE)


def test_one_step_has_at_most_one_ok(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    journal = journal_of(run, writer)
    asyncio.run(open_and_settle(journal, intent(step=0), answered()))
    with pytest.raises(IntegrityError):
        asyncio.run(open_and_settle(journal, intent(step=0), answered()))
    assert Call.objects.filter(run=run, state=CallState.OK).count() == 1


def test_one_bad_operation_fails_alone(writer: GroupCommit, cast: Cast) -> None:
    def bad() -> None:
        raise ZeroDivisionError

    futures = [writer.submit(bad), writer.submit(lambda: 7), writer.submit(Run.objects.count)]
    with pytest.raises(ZeroDivisionError):
        futures[0].result(timeout=10)
    assert (futures[1].result(timeout=10), futures[2].result(timeout=10)) == (7, 0)


def test_a_run_that_ended_has_no_open_calls_a_lease_later(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast)
    asyncio.run(journal_of(run, writer).open_call(intent()))
    assert transitions.end(run, state=RunState.FAILED, error="x")
    assert close_calls_of_ended_runs() == 0
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(minutes=1))
    assert close_calls_of_ended_runs() == 1
    assert run.calls.get().state == CallState.UNKNOWN
    assert_rollups_are_sums(run)


def test_a_simulated_call_that_a_dead_worker_left_open_costs_nothing(cast: Cast, writer: GroupCommit) -> None:
    run = claimed_run(cast, simulated=True)
    asyncio.run(journal_of(run, writer).open_call(intent(simulated=True)))
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claim.claim(run.pk, owner="worker-2") is not None
    call = run.calls.get()
    assert (call.state, call.cost_nusd, call.error_code) == (CallState.ERROR, 0, "worker_lost")
    assert_rollups_are_sums(run)
