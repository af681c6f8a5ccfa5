"""The books after an honest day, and who looks at them: the command, the sweeper once a day, the provider's log."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from engine.catalogue.pricing import Price, Usage, cost_usd
from engine.providers.llm import LLMReply
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from runs.closing.actions import close_month
from runs.ledger import invariants, rollups
from runs.ledger.invariants.check import moment
from runs.ledger.journal import LedgerJournal, Ticket
from runs.ledger.replay import read_replay
from runs.models import Allowance, Bill, Call, Correction, InvariantCheck, Run
from runs.run.actions import request_cancel
from runs.states import CallState, CostClass
from runs.worker import claim
from runs.worker.process import WorkerProcess
from tests.cast import Cast
from tests.openai_server import Fault, OpenAIServer, tool_call
from tests.runs.workers import (
    MODEL,
    agent,
    assert_sums,
    execute,
    execute_all,
    expire,
    in_thread,
    launched,
    task,
    use_provider,
)

pytestmark = pytest.mark.django_db(transaction=True)

PRICE = Price(Decimal("0.15"), Decimal("0.6"))
AGENTS = (
    agent(),
    agent(key="counting", tools=({"name": "calculator"},)),
    agent(key="cached", llm={"model": MODEL, "max_tokens": 50, "cache_ttl_s": 600}),
)


class Provider:
    """Answers by what the task is called: at once, at the second try, never, or with a call to a tool."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.lock, self.hanging, self.let_go = threading.Lock(), threading.Event(), threading.Event()

    def __call__(self, body: dict[str, Any]) -> str | dict[str, Any] | Fault:
        found = re.findall(r"Do (\w+)\.", json.dumps(body["messages"]))
        key = found[-1]
        with self.lock:
            self.asked[key] += 1
            first = self.asked[key] == 1
        if key == "refused" and first:
            return Fault(503)
        if key == "lost" and first:
            return Fault(cut=True)
        if key == "hanging":
            self.hanging.set()
            self.let_go.wait(20)
        if key == "counting" and not any(message["role"] == "tool" for message in body["messages"]):
            return tool_call("calculator", {"expression": "6 * 7"})
        return "An answer."


def zombies_call(run: Run, worker: WorkerProcess) -> tuple[LedgerJournal, Ticket]:
    """The run as taken by a worker that opens its first call and is not heard of again, until its lease is over."""
    claimed = claim.claim(run.pk, owner="zombie")
    assert claimed
    journal = LedgerJournal(claimed, read_replay(claimed), worker.writer)
    reserved = Decimal("0.0001")
    intent = CallIntent("plain", "worker", 0, 1, CallKind.MODEL, model=MODEL, price=PRICE, reserved_usd=reserved)
    ticket = asyncio.run(journal.open_call(intent))
    expire(run)
    return journal, ticket


def test_after_a_busy_and_honest_day_every_invariant_holds(
    cast: Cast, workers: list[WorkerProcess], tmp_path: Path
) -> None:
    provider = Provider()
    with OpenAIServer(provider, cached_tokens=3) as server:
        use_provider(cast.owner, server)
        a_busy_day(cast, workers)
        a_call_that_is_cancelled(cast, workers[0], provider)
        launched(cast.runner, task("plain"))
    states = Counter(Run.objects.values_list("state", flat=True))
    assert states == {"succeeded": 8, "waiting": 1, "cancelled": 1, "queued": 1}
    calls = Call.objects.all()
    assert set(calls.values_list("state", flat=True)) == {"ok", "error", "unknown", "late"}
    assert set(calls.values_list("cost_class", flat=True)) == set(CostClass.values) - {
        "planning",
        "manager",
        "guardrail",
        "rejected",
    }
    assert calls.get(state="late").cost_nusd > calls.get(state="late").reserved_nusd
    assert calls.filter(kind="tool", state="ok").count() == 3
    for run in Run.objects.all():
        assert_sums(run)
    log = written(tmp_path, *({"id": one.id, **tokens_of(one)} for one in server.billed))
    assert checked("--provider-log", log).splitlines()[-1].startswith("provider_log: ok")


def a_busy_day(cast: Cast, workers: list[WorkerProcess]) -> None:
    """Refusals, cut connections, tools, reuse, a simulated run, one without money, and one that a worker lost."""
    tasks = (task("plain"), task("refused"), task("lost"), task("counting", agent="counting"))
    day = [launched(cast.runner, *tasks, agents=AGENTS, budget_usd=Decimal("0.1")) for _ in range(3)]
    cached = [launched(cast.runner, task("reused", agent="cached"), agents=AGENTS) for _ in range(3)]
    simulated = launched(cast.runner, task("plain"), simulated=True)
    poor = launched(cast.runner, task("plain"), budget_usd=Decimal("0.000001"))
    taken_over = launched(cast.runner, task("plain"))
    journal, ticket = zombies_call(taken_over, workers[1])
    threads = [in_thread(execute_all, [*day, simulated], workers[0]), in_thread(execute_all, cached, workers[1])]
    for thread in threads:
        thread.join()
    execute_all([taken_over, poor], workers[0])
    settle_late(journal, ticket)


def settle_late(journal: LedgerJournal, ticket: Ticket) -> None:
    """The answer that a zombie was waiting for; it costs more than was reserved."""
    answer = LLMReply("Late", Usage(700, 100, 0, 300), MODEL)
    late = CallOutcome(CallStatus.OK, answer, usage=answer.usage, cost_usd=cost_usd(answer.usage, PRICE))
    asyncio.run(journal.settle_call(ticket, late))


def a_call_that_is_cancelled(cast: Cast, worker: WorkerProcess, provider: Provider) -> None:
    hanging = launched(cast.runner, task("hanging"))
    thread = in_thread(execute, Run.objects.get(pk=hanging.pk), worker)
    assert provider.hanging.wait(10)
    assert invariants.check() == [], "while a call is open"
    request_cancel(cast.runner, hanging)
    thread.join()
    provider.let_go.set()


def test_the_books_are_right_when_a_figure_comes_after_its_month_was_closed(
    cast: Cast, workers: list[WorkerProcess]
) -> None:
    with OpenAIServer() as server:
        use_provider(cast.owner, server)
        run = launched(cast.runner, task("plain"))
        journal, ticket = zombies_call(run, workers[1])
        execute(run, workers[0])
        lost = Call.objects.get(state="unknown")
        last_month = (lost.billed_month - timedelta(days=1)).replace(day=1)
        for sums in (Bill.objects.get(), Allowance.objects.get()):
            sums.__class__.objects.filter(pk=sums.pk).update(spent_nusd=F("spent_nusd") - lost.cost_nusd)
            sums.pk, sums.month, sums.spent_nusd = None, last_month, lost.cost_nusd
            sums.save(force_insert=True)
        Call.objects.filter(pk=lost.pk).update(billed_month=last_month)
        rollups.rebuild(cast.team.pk)
        close_month(cast.owner, last_month)
        assert invariants.check() == []
        settle_late(journal, ticket)
    assert Bill.objects.get(month=last_month).spent_nusd == lost.cost_nusd, "frozen"
    assert Correction.objects.get().month > last_month
    assert_bills_differ_from_calls()
    broken = invariants.check()
    assert broken == [], broken


def assert_bills_differ_from_calls() -> None:
    """Each month for itself; all months together never do."""
    months = {bill.month: bill.spent_nusd for bill in Bill.objects.all()}
    calls = Counter[Any]()
    for call in Call.objects.all():
        calls[call.billed_month] += call.cost_nusd or 0
    assert months != calls
    assert sum(months.values()) == sum(calls.values())


def tokens_of(billed: Any) -> dict[str, int]:
    return {"prompt_tokens": billed.prompt_tokens, "completion_tokens": billed.completion_tokens}


def written(folder: Path, *lines: Any) -> str:
    log = folder / "provider.jsonl"
    log.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return str(log)


def checked(*arguments: str) -> str:
    """What the command prints; fails if it exits with an error."""
    printed = StringIO()
    try:
        call_command("check_invariants", *arguments, stdout=printed)
    except SystemExit:
        pytest.fail(printed.getvalue())
    return printed.getvalue()


def violated(*arguments: str) -> str:
    """What the command prints as it exits with 1."""
    printed = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("check_invariants", *arguments, stdout=printed)
    assert exit_.value.code == 1
    return printed.getvalue()


@pytest.fixture
def paid(cast: Cast, workers: list[WorkerProcess]) -> Iterator[OpenAIServer]:
    """A provider that answered two runs and billed them."""
    with OpenAIServer() as server:
        use_provider(cast.owner, server)
        execute_all([launched(cast.runner, task("only")) for _ in range(2)], workers[0])
        yield server


def test_the_command_prints_a_line_for_each_and_fails_if_one_is_broken(paid: OpenAIServer) -> None:
    lines = checked().splitlines()
    assert len(lines) == len(invariants.INVARIANTS)
    assert all(re.fullmatch(r"\w+: ok \(\d+ ms\)", line) for line in lines)
    Bill.objects.update(spent_nusd=F("spent_nusd") + 1)
    spent = Bill.objects.get().spent_nusd
    assert f"{spent}, should be {spent - 1}" in violated()
    assert checked("--only", "run_sums").count("\n") == 1
    told = json.loads(violated("--only", "bill_spent", "--json"))
    assert (told["ok"], [one["name"] for one in told["invariants"]]) == (False, ["bill_spent"])
    assert told["invariants"][0]["rows"][0]["found"] == str(spent)


def test_a_look_by_hand_is_kept_if_it_was_at_all_of_them(paid: OpenAIServer) -> None:
    checked("--only", "run_sums")
    assert invariants.last_check() is None
    Bill.objects.update(spent_nusd=F("spent_nusd") + 1)
    violated()
    found = invariants.last_check()
    assert found
    assert [one["name"] for one in found.violations] == ["bill_spent"]
    assert found.violations[0]["rows"][0]["id"].startswith("team ")
    Bill.objects.update(spent_nusd=F("spent_nusd") - 1)
    checked()
    repaired = invariants.last_check()
    assert repaired
    assert repaired.violations == []


def test_every_billed_request_has_a_row_with_its_tokens(paid: OpenAIServer, tmp_path: Path) -> None:
    first, second = ({"id": one.id, **tokens_of(one)} for one in paid.billed)
    assert "provider_log: ok" in checked("--provider-log", written(tmp_path, first, "", {"id": second["id"]}))
    more = second | {"completion_tokens": second["completion_tokens"] + 1}
    told = violated("--provider-log", written(tmp_path, first, more))
    assert (
        f"{second['id']} completion_tokens: {second['completion_tokens']}, should be {more['completion_tokens']}"
        in told
    )
    told = violated("--provider-log", written(tmp_path, first, {"id": "chatcmpl-other"}))
    assert "chatcmpl-other: no row" in told
    Call.objects.update(provider_request_id=first["id"])
    assert f"{first['id']}: 2 rows, should be one row" in violated("--provider-log", written(tmp_path, first))


def test_a_billed_request_whose_answer_was_lost_is_a_call_of_unknown_outcome(
    paid: OpenAIServer, tmp_path: Path
) -> None:
    first, second = (one.id for one in paid.billed)
    Call.objects.filter(provider_request_id=second).update(provider_request_id="", state=CallState.UNKNOWN)
    alone = ("--only", "run_reserved", "--provider-log")
    assert "provider_log: ok" in checked(*alone, written(tmp_path, {"id": first}, {"id": second}))
    told = violated(*alone, written(tmp_path, {"id": "a"}, {"id": "b"}))
    assert "a row: 2 have none, 1 calls of the time have no answer" in told, (
        "one lost answer excuses one id and not two"
    )


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 7}', '{"id": ""}', '{"id": "a", "prompt_tokens": "7"}'])
def test_a_log_that_is_not_readable_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(CommandError, match="Line 1"):
        checked("--provider-log", written(tmp_path, line))
    with pytest.raises(CommandError, match="missing"):
        checked("--provider-log", str(tmp_path / "missing"))


def test_what_is_written_meanwhile_is_no_fault(paid: OpenAIServer) -> None:
    """All queries see one moment: a change between two of them that would break the second is not seen."""
    written_once = threading.Event()

    def writes_meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if "bool_or" not in sql and "runs_run" in sql and not written_once.is_set():
            written_once.set()
            in_thread(lambda: Bill.objects.update(spent_nusd=F("spent_nusd") + 1)).join()
        return done

    with connection.execute_wrapper(writes_meanwhile):
        assert invariants.check() == []
    assert written_once.is_set()
    assert [one.name for one in invariants.check()] == ["bill_spent"]


def test_a_look_changes_nothing(paid: OpenAIServer) -> None:
    with pytest.raises(InternalError, match="read-only"), moment():
        Run.objects.update(revision=7)


def test_of_ten_workers_one_looks_and_once_a_day(paid: OpenAIServer, caplog: pytest.LogCaptureFixture) -> None:
    Bill.objects.update(spent_nusd=F("spent_nusd") + 1)
    looking: list[threading.Thread] = []

    def sweeps() -> None:
        looking.extend(filter(None, [invariants.check_once_a_day() for _ in range(3)]))

    with caplog.at_level(logging.ERROR, logger="runs.ledger.invariants"):
        with transaction.atomic():
            InvariantCheck.objects.create(day=timezone.now().date(), checked_at=timezone.now())
            threads = [in_thread(sweeps) for _ in range(10)]
            until_all_wait(10)  # none of them sees a look of today, and each is about to claim it
            transaction.set_rollback(True)
        for thread in threads:
            thread.join()
        (only,) = looking
        only.join()
    told = [record.getMessage() for record in caplog.records if record.name.startswith("runs.ledger.invariants")]
    assert [line.split(":")[0] for line in told] == ["Invariant bill_spent is broken 1 times"]
    found = invariants.last_check()
    assert found
    assert [one["name"] for one in found.violations] == ["bill_spent"]
    InvariantCheck.objects.update(day=F("day") - timedelta(days=1))
    again = invariants.check_once_a_day()
    assert again, "the next day"
    again.join()
    assert InvariantCheck.objects.count() == 2


def until_all_wait(many: int) -> None:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] == many:
                return
        time.sleep(0.05)
    pytest.fail("They do not wait for each other.")


def test_a_worker_that_died_at_it_is_replaced_an_hour_later() -> None:
    today = timezone.now().date()
    InvariantCheck.objects.create(day=today, checked_at=timezone.now() - timedelta(minutes=50))
    assert invariants.check_once_a_day() is None
    assert invariants.last_check() is None, "nothing was found yet"
    InvariantCheck.objects.update(checked_at=timezone.now() - timedelta(minutes=70))
    looking = invariants.check_once_a_day()
    assert looking
    looking.join()
    assert invariants.last_check()


def test_thirty_looks_are_kept() -> None:
    today = timezone.now().date()
    InvariantCheck.objects.bulk_create(
        InvariantCheck(day=today - timedelta(days=n), checked_at=timezone.now(), took_ms=1) for n in range(1, 41)
    )
    checked()
    days = list(InvariantCheck.objects.order_by("-day").values_list("day", flat=True))
    assert days == [today - timedelta(days=n) for n in range(30)]
