"""What keeping the ledger costs: CPU and statements per call, beyond the same crews with a journal in memory.

Usage: .venv/bin/python bench/recorder.py [--quick]

The crews, the model (a stub that answers after a set time) and the engine are the same on both sides, in one process;
PostgreSQL is the embedded one, as ``make up`` starts it, and its own CPU is in a column of its own. The model counts as
a real one, so every call is reserved, billed and summed up. Then the runs end, in turn with the sums that are kept of
ended runs and without them, and the locks of bills that batches took are taken once more, in turn with those of the
runs alone. Both are compared within the same second, so that a busy machine changes their ratio little.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cryptography.fernet import Fernet

from crewsite.local.postgres import Postgres
from engine.catalogue.pricing import Price
from engine.crew.crew import run_crew
from engine.crew.runtime import Runtime
from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.simulator import Simulator
from engine.record.journal import Journal
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import AgentSpec, CrewSpec, LLMSpec, TaskSpec

GOAL_MS = 1.0
GOAL_SUMS_PERCENT = 10
ANSWER = "Demand grew in both quarters, costs fell, and two of the five regions need another look. " * 4


@dataclass(frozen=True)
class Load:
    """So many runs at once, each a chain of so many calls of so many seconds."""

    runs: int
    calls: int
    latency_s: float


@dataclass(frozen=True)
class Taken:
    """Milliseconds of processor time, of this process and of PostgreSQL."""

    here_ms: float = 0.0
    there_ms: float = 0.0


@dataclass(frozen=True)
class Cost:
    """Of one measurement, per call: CPU of this process and of PostgreSQL, and statements."""

    cpu_ms: float
    postgres_ms: float = 0.0
    statements: float = 0.0
    sums: Taken = Taken()  # what the sums of ended runs take of a run's end
    bills: Taken = Taken()  # what locking bills takes, beyond the locks of runs


@dataclass
class Seen:
    """What the writer sent: how many statements, and with which values bills were locked."""

    statements: int = 0
    bills: list[dict[str, Any]] = field(default_factory=list)


class Stub(Simulator):
    """Answers the same after a set time, and counts as a model that is paid for."""

    async def complete(self, request: LLMRequest) -> LLMReply:
        return replace(await super().complete(request), simulated=False)

    def simulates(self, llm: LLMSpec) -> bool:
        return False

    def unsent(self, llm: LLMSpec) -> frozenset[str]:
        return frozenset()


class OnePrice:
    def price(self, model: str) -> Price:
        return Price(input_usd_per_mtok=Decimal("0.15"), output_usd_per_mtok=Decimal("0.6"))


def chain(load: Load) -> CrewSpec:
    llm = LLMSpec(model="gpt-4o-mini", max_tokens=200)
    agent = AgentSpec(key="analyst", role="Analyst", goal="Find the figures", llm=llm)
    keys = [f"step_{number}" for number in range(load.calls)]
    tasks = tuple(
        TaskSpec(
            key=key, description=f"Do {key}.", expected_output="Text", agent="analyst", context=tuple(keys[n - 1 : n])
        )
        for n, key in enumerate(keys)
    )
    return CrewSpec(name="Bench", agents=(agent,), tasks=tasks)


def measure(load: Load, spec: CrewSpec, journals: list[Journal]) -> float:
    """Milliseconds of this process's CPU for each call."""

    async def all_at_once() -> None:
        llm = Stub(latency_s=load.latency_s, script=lambda request: ANSWER)
        runtimes = [Runtime(llm=llm, journal=journal, prices=OnePrice()) for journal in journals]
        outputs = await asyncio.gather(*(run_crew(spec, {}, runtime) for runtime in runtimes))
        assert all(output.status == "succeeded" for output in outputs), outputs[0].error

    began = time.process_time()
    asyncio.run(all_at_once())
    return (time.process_time() - began) * 1000 / (load.runs * load.calls)


def in_memory(load: Load) -> Cost:
    return Cost(measure(load, chain(load), [MemoryJournal() for _ in range(load.runs)]))


def on_the_ledger(load: Load, server: psutil.Process) -> Cost:
    from django.db import connection

    from runs.ledger.group_commit import GroupCommit
    from runs.ledger.journal import LedgerJournal
    from runs.ledger.locks import LOCK_BILLS
    from runs.ledger.replay import read_replay
    from runs.worker import claim

    spec = chain(load)
    claimed = [claim.claim(run_id, owner="bench") for run_id in launch_all(load, spec)]
    writer, seen = GroupCommit(), Seen()

    def counting(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.statements += 1
        if sql == LOCK_BILLS:
            seen.bills.append(params)
        return execute(sql, params, many, context)

    writer.submit(lambda: connection.execute_wrappers.append(counting)).result()
    journals: list[Journal] = [LedgerJournal(run, read_replay(run), writer) for run in claimed if run is not None]
    before = cpu_s(server)
    cpu_ms = measure(load, spec, journals)
    calls = load.runs * load.calls
    cost = Cost(cpu_ms, (cpu_s(server) - before) * 1000 / calls, seen.statements / calls)
    writer.close()
    sums, bills = sums_of_ended(claimed), locks_of_bills(seen.bills)
    share = len(seen.bills) / calls
    return replace(
        cost,
        sums=Taken(sums.here_ms / load.calls, sums.there_ms / load.calls),
        bills=Taken(bills.here_ms * share, bills.there_ms * share),
    )


def sums_of_ended(claimed: list[Any]) -> Taken:
    """What the sums of ended runs take of a run's end: every other run ends without them."""
    from unittest import mock

    from runs.ledger import rollups, transitions
    from runs.states import RunState

    summed = {"add": rollups.add, "waste_at_end": rollups.waste_at_end}
    not_summed = {"add": lambda run_id: None, "waste_at_end": lambda state: -1}

    def end(run: Any, how: dict[str, Any]) -> None:
        with mock.patch.multiple(rollups, **how):  # on both sides, since this takes time too
            assert transitions.end(run, state=RunState.SUCCEEDED)

    return more_than(
        [partial(end, run, summed) for run in claimed[::2]],
        [partial(end, run, not_summed) for run in claimed[1::2]],
    )


def locks_of_bills(taken: list[dict[str, Any]]) -> Taken:
    """What these locks of bills take, each, beyond what would be locked without them: the runs, where they are many."""
    from django.db import connection, transaction

    from runs.ledger.locks import LOCK_BILLS, LOCK_RUNS

    def lock(values: dict[str, Any], statement: str | None) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if statement is not None:
                cursor.execute(statement, values)

    return more_than(
        [partial(lock, values, LOCK_BILLS) for values in taken],
        [partial(lock, values, LOCK_RUNS if len(values["runs"]) > 1 else None) for values in taken],
    )


def more_than(ones: list[Callable[[], None]], others: list[Callable[[], None]]) -> Taken:
    """How much more one of the ones takes than one of the others. They are done in turn, on one connection."""
    from django.db import connection

    if not others:
        return Taken()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    sums = [[0.0, 0.0], [0.0, 0.0]]
    for pair in zip(ones, others, strict=False):
        for which, work in enumerate(pair):
            here, there = time.process_time(), _cpu_s(backend)
            work()
            sums[which][0] += time.process_time() - here
            sums[which][1] += _cpu_s(backend) - there
    each = 1000 / min(len(ones), len(others))
    return Taken((sums[0][0] - sums[1][0]) * each, (sums[0][1] - sums[1][1]) * each)


def empty_transaction_ms(times: int = 300) -> float:
    from django.db import connection, transaction

    began = time.process_time()
    for _ in range(times):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return (time.process_time() - began) * 1000 / times


def launch_all(load: Load, spec: CrewSpec) -> list[Any]:
    from agents_app.actions import create_crew
    from runs.launch.actions import launch
    from runs.launch.order import LaunchOrder
    from runs.models import Run
    from teams.access import Principal
    from teams.models import Membership, Role, Team, User

    team, _ = Team.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    user, _ = User.objects.get_or_create(email="bench@example.com")
    Membership.objects.get_or_create(team=team, user=user, defaults={"role": Role.OWNER})
    who = Principal(user, team, Role.OWNER)
    crew = create_crew(who, name="Bench", spec=spec)
    ids = [launch(who, crew, LaunchOrder()).pk for _ in range(load.runs)]
    Run.objects.filter(pk__in=ids).update(simulated=False)
    return ids


def cpu_s(server: psutil.Process) -> float:
    """Of PostgreSQL and its children that still live."""
    return sum(_cpu_s(one.pid) for one in (server, *server.children(recursive=True)))


def _cpu_s(pid: int) -> float:
    """To the nanosecond where the kernel says so, else to its hundredths of seconds."""
    exact = Path(f"/proc/{pid}/schedstat")
    if exact.exists():
        return int(exact.read_text().split()[0]) / 1e9
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@contextmanager
def application() -> Iterator[psutil.Process]:
    """Django on a PostgreSQL of its own; gives the server's process."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder) / "postgres")
        os.environ |= {
            "DATABASE_URL": postgres.start(),
            "DJANGO_SETTINGS_MODULE": "crewsite.settings",
            "SECRET_KEY": "bench" * 10,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "BROKER_URL": "memory://",
            "LOG_LEVEL": "ERROR",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        pid = int(next((Path(folder) / "postgres").rglob("postmaster.pid")).read_text().split()[0])
        try:
            yield psutil.Process(pid)
        finally:
            from django.db import connection

            connection.close()
            postgres.stop()


def part_line(what: str, parts: list[Taken], whole_ms: float, goal: str = "") -> str:
    """A part of what the ledger takes, in both processes."""
    here = statistics.median(part.here_ms for part in parts)
    there = statistics.median(part.there_ms for part in parts)
    share = f"{100 * (here + there) / whole_ms:.1f} % of the ledger's {whole_ms:.2f} ms"
    return f"  {what}: {here:.3f} ms here and {there:.3f} ms in PostgreSQL a call, {share}{goal}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    loads = [Load(1, 60, 0.005), Load(60 if quick else 300, 6, 0.05)]
    repeats = 2 if quick else 5
    print(f"{'':22}{'in memory':>12}{'ledger':>10}{'beyond':>10}{'goal':>8}{'statements':>12}{'PostgreSQL':>12}")
    with application() as server:
        for load in loads:
            in_memory(load), on_the_ledger(load, server)  # caches warm on both sides
            memory = statistics.median(in_memory(load).cpu_ms for _ in range(repeats))
            costs = [on_the_ledger(load, server) for _ in range(repeats)]
            ledger = statistics.median(cost.cpu_ms for cost in costs)
            print(
                f"{load.runs:>4} {'run' if load.runs == 1 else 'runs'} × {load.calls} calls".ljust(22)
                + f"{memory:>9.2f} ms{ledger:>7.2f} ms{ledger - memory:>7.2f} ms{GOAL_MS:>5.0f} ms"
                + f"{statistics.median(cost.statements for cost in costs):>12.1f}"
                + f"{statistics.median(cost.postgres_ms for cost in costs):>9.2f} ms"
            )
            if load.runs > 1:
                whole_ms = ledger - memory + statistics.median(cost.postgres_ms for cost in costs)
                goal = f" (goal {GOAL_SUMS_PERCENT} %)"
                print(part_line("sums of ended runs", [cost.sums for cost in costs], whole_ms, goal))
                print(part_line("locks of bills", [cost.bills for cost in costs], whole_ms))
        print(f"{'an empty transaction':22}{'':12}{empty_transaction_ms():>7.2f} ms")
    print("CPU per call, each of which is a task of its own. Statements are the writer's, without BEGIN and COMMIT.")
    print(
        "An empty transaction (BEGIN, SELECT 1, COMMIT) is what this machine takes for the way to PostgreSQL and back."
    )


if __name__ == "__main__":
    main()
