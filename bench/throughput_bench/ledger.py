"""How many calls a second go through the ledger, with so many runs at once or, beyond what workers hold, in line."""

from __future__ import annotations

from django.db import connection

from bench.throughput_bench.books import Books, wait_until_ended
from bench.throughput_bench.parts import Bench, Usage, wait_until_all_work, warm_up
from bench.throughput_bench.queued import growing_row
from bench.throughput_bench.table import Row
from bench.throughput_bench.teams import count_runs, fill_queue

CONCURRENCY, ANSWER_MS = 512, 100
TIMEOUT_S = 600.0

DONE = """
    SELECT count(call.id), extract(epoch FROM max(call.finished_at) - min(call.started_at))::float8
    FROM runs_call AS call WHERE call.started_at > %s
"""


def ledger(bench: Bench, books: Books) -> None:
    """Two workers. The longest queue first, since it is there; ``books`` are open since it began to be worked off."""
    installation, depths = bench.installation, bench.extent.depths
    installation.start_workers(installation.pgmq_url, count=2, concurrency=CONCURRENCY)
    found: dict[int, dict[str, float]] = {}
    for depth in reversed(depths):
        bench.say(f"calls of {depth:,} runs")
        if depth == depths[-1]:
            fill_queue(bench.customer, depth - count_runs("state = 'queued'"))
            wait_until_all_work(bench)
        else:
            warm_up(bench)
            books = Books(bench.provider)
        found[depth] = drained(bench, 0 if depth == depths[-1] else depth)
        books.close(f"{depth:,} runs")
    installation.stop_workers()
    names = list(found[depths[0]])
    rows = [growing_row(names[0], [found[depth][names[0]] for depth in depths], faster=True)]
    rows += [Row(name, [found[depth][name] for depth in depths], 1) for name in names[1:]]
    title = f"calls through the ledger, two workers of {CONCURRENCY}, answers after {ANSWER_MS} ms"
    bench.table.section(title, [f"{depth:,}" for depth in depths], rows)


def drained(bench: Bench, more: int) -> dict[str, float]:
    """What it took to work off what is queued, and so many runs more."""
    bench.provider.answer_after(ANSWER_MS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (began_at,) = cursor.fetchone()
        usage = Usage(bench.installation)
        fill_queue(bench.customer, more)
        wait_until_ended(timeout_s=TIMEOUT_S, look_every_s=0.2)
        cursor.execute(DONE, [began_at])
        calls, wall_s = cursor.fetchone()
    return {
        "calls a second": calls / wall_s,
        "processor time of the workers, ms a call": usage.workers_s() * 1000 / calls,
        "processor time of PostgreSQL, ms a call": usage.postgres_s() * 1000 / calls,
    }
