"""Whether a long queue of one team is a queue for another: how soon a single run of its neighbour gets to work."""

from __future__ import annotations

import time

from django.db import connection

from bench.throughput_bench.books import Books, wait_until
from bench.throughput_bench.clients import click
from bench.throughput_bench.first_call import COLUMNS, latency_row, waits_ms
from bench.throughput_bench.parts import Bench
from bench.throughput_bench.table import Row
from bench.throughput_bench.teams import LIVE, count_runs, fill_queue

CONCURRENCY, ANSWER_MS, EVERY_S = 64, 4_000, 1.0
GOAL_P95_MS = 1_000.0


def fairness(bench: Bench) -> Books:
    """Two workers that one team's queue keeps full; the other launches one run now and then. Leaves what is queued,
    and the books open."""
    installation, depth = bench.installation, bench.extent.depths[-1]
    bench.say(f"a newcomer beside {depth:,} queued")
    fill_queue(bench.customer, depth - count_runs("state = 'queued'"))
    bench.provider.answer_after(ANSWER_MS)
    books = Books(bench.provider)
    installation.start_web(installation.pgmq_url)
    installation.start_workers(installation.pgmq_url, count=2, concurrency=CONCURRENCY)
    full = 2 * (CONCURRENCY - CONCURRENCY // 8)
    wait_until("state = 'queued'", at_most=count_runs("state = 'queued'") - full, timeout_s=90)
    time.sleep(ANSWER_MS / 1000)
    messages = queued_messages()
    clicks, running = [], []
    for _ in range(bench.extent.newcomers):
        clicks.append(click(bench.port, bench.other))
        time.sleep(EVERY_S)
        running.append(count_runs("state = 'running' AND team_id = %s", bench.customer.who.team.pk))
    wait_until(LIVE + " AND team_id = %s", bench.other.who.team.pk, at_most=0, timeout_s=120)
    waits = waits_ms(clicks, books.came())
    rows = [
        latency_row("the newcomer's click to first call, ms", waits, goal_p95_ms=GOAL_P95_MS),
        Row("runs of the long queue under way meanwhile, median", [sorted(running)[len(running) // 2]]),
        Row("messages left in the broker when it began", [messages]),
    ]
    bench.table.section(f"one run beside {depth:,} queued of another team ({len(clicks)} clicks)", COLUMNS, rows)
    installation.stop_workers()
    installation.stop_web()
    return books


def queued_messages() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pgmq.q_runs")
        found: int = cursor.fetchone()[0]
    return found
