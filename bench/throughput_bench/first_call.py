"""From the click to the first call: a launch's POST leaves the client, its run's first model request arrives."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from django.db import connection

from bench.throughput_bench.books import Books, wait_until_ended
from bench.throughput_bench.clients import Click, at_random, click
from bench.throughput_bench.parts import Bench, quantile, settle
from bench.throughput_bench.table import Row

GOAL_P95_MS = {"pgmq": 50.0, "Redis": 20.0}
WARM_UP = 10
LOAD_PER_S, LOAD_ANSWER_MS = 8.0, 300
COLUMNS = ("p50", "p95", "p99")

STAGES = """
    SELECT extract(epoch FROM run.created_at)::float8, extract(epoch FROM run.started_at)::float8,
           extract(epoch FROM min(call.started_at))::float8
    FROM runs_run AS run JOIN runs_call AS call ON call.run_id = run.id WHERE run.id = ANY(%s)
    GROUP BY run.id
    ORDER BY run.id
"""


def first_call(bench: Bench, broker: str, broker_url: str) -> None:
    """One worker, first with nothing else to do, then with a stream of launches."""
    bench.say(f"click to first call, {broker}")
    bench.provider.answer_after(0)
    bench.installation.start_web(broker_url)
    bench.installation.start_workers(broker_url, count=1, concurrency=64)
    settle(bench.installation)
    books = Books(bench.provider)
    cold = click_and_wait(bench)
    for _ in range(WARM_UP):
        click_and_wait(bench)
    idle = [click_and_wait(bench) for _ in range(bench.extent.clicks)]
    stages = stage_rows(idle, books.came())
    bench.provider.answer_after(LOAD_ANSWER_MS)
    loaded = at_random(bench.port, bench.customer, launches=bench.extent.clicks, per_s=LOAD_PER_S)
    wait_until_ended(timeout_s=120)
    books.close(f"click to first call on {broker}")
    came = books.came()
    goal = GOAL_P95_MS[broker]
    rows = [
        latency_row("nothing else to do, ms", waits_ms(idle, came), goal_p95_ms=goal),
        *stages,
        latency_row(f"{LOAD_PER_S:g} launches a second, ms", waits_ms(loaded, came), goal_p95_ms=goal),
        Row("the first run of a worker that has just started, ms", waits_ms([cold], came)),
    ]
    bench.table.section(f"click to first call, {broker} ({bench.extent.clicks} clicks each)", COLUMNS, rows)
    bench.installation.stop_workers()
    bench.installation.stop_web()


def click_and_wait(bench: Bench) -> Click:
    """One launch, and its run's end; nobody looks at the database before the first call should be made."""
    one = click(bench.port, bench.customer)
    time.sleep(0.06)
    wait_until_ended(timeout_s=60)
    time.sleep(random.uniform(0.02, 0.06))
    return one


def waits_ms(clicks: Sequence[Click], came: Mapping[str, float]) -> list[float]:
    return [(came[one.order] - one.sent_s) * 1000 for one in clicks]


def stage_rows(clicks: Sequence[Click], came: Mapping[str, float]) -> list[Row]:
    """Where the time goes, by the clocks of client, database and stand-in, which are one machine's."""
    ahead_s = time.time() - time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(STAGES, [[one.run_id for one in clicks]])
        stages = cursor.fetchall()
    ordered = sorted(clicks, key=lambda one: one.run_id)
    both = list(zip(ordered, stages, strict=True))
    parts: dict[str, Callable[[Click, tuple[float, float, float]], float]] = {
        "POST sent, transaction begun": lambda one, at: at[0] - one.sent_s - ahead_s,
        "run claimed by the worker": lambda one, at: at[1] - at[0],
        "first call opened in the ledger": lambda one, at: at[2] - at[1],
        "request at the provider": lambda one, at: came[one.order] + ahead_s - at[2],
        "(POST answered, ms after it was sent)": lambda one, at: one.answered_s - one.sent_s,
    }
    return [latency_row(f"  {name}", [part(one, at) * 1000 for one, at in both]) for name, part in parts.items()]


def latency_row(name: str, found_ms: Sequence[float], *, goal_p95_ms: float | None = None) -> Row:
    cells = (statistics.median(found_ms), quantile(found_ms, 0.95), quantile(found_ms, 0.99))
    if goal_p95_ms is None:
        return Row(name, cells, 1)
    return Row(name, cells, 1, f"p95 < {goal_p95_ms:.0f}", cells[1] < goal_p95_ms)
