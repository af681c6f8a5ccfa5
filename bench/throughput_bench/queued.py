"""What grows with the queue: launches a second while so many runs wait, and the time of a claim and of a sweep."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from bench.throughput_bench.clients import at_once
from bench.throughput_bench.parts import Bench, quantile
from bench.throughput_bench.table import Row
from bench.throughput_bench.teams import count_runs, fill_queue

CLIENTS = 8
GOAL_GROWTH = 2.0
"""What a hundred times the queue may do to a figure at most, as a factor."""


def queued(bench: Bench) -> None:
    """Fills the queue step by step, without a worker. Leaves it filled."""
    extent = bench.extent
    bench.installation.start_web(bench.installation.pgmq_url)
    at_once(bench.port, bench.customer, launches=CLIENTS * 2, clients=CLIENTS)
    found: dict[str, list[float]] = {}
    for depth in extent.depths:
        bench.say(f"{depth:,} queued")
        fill_queue(bench.customer, depth - count_runs("state = 'queued'"))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE runs_run")  # as autovacuum would have done by the time
        claims = [timed_ms(claim_and_put_back) for _ in range(extent.claims)]
        sweeps = [timed_ms(sweep_and_put_back) for _ in range(extent.sweeps)]
        clicks, took_s = at_once(bench.port, bench.customer, launches=extent.launches, clients=CLIENTS)
        _note(found, "launches a second", len(clicks) / took_s)
        _note(found, "claim, ms, median", statistics.median(claims))
        _note(found, "claim, ms, p95", quantile(claims, 0.95))
        _note(found, "sweep's statements, ms, median", statistics.median(sweeps))
    bench.installation.stop_web()
    rows = [growing_row(name, cells, faster=name.startswith("launches")) for name, cells in found.items()]
    bench.table.section("runs in the queue", [f"{depth:,}" for depth in extent.depths], rows)


def growing_row(name: str, cells: list[float], *, faster: bool) -> Row:
    """A row whose goal is that its last figure is not much worse than its first."""
    worse = cells[0] / cells[-1] if faster else cells[-1] / cells[0]
    goal = f"x {'>' if faster else '<'} {1 / GOAL_GROWTH if faster else GOAL_GROWTH:g}"
    return Row(name, cells, 1, goal, worse < GOAL_GROWTH)


def timed_ms(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def claim_and_put_back() -> None:
    """The run whose turn it is, taken and not kept; so without the time of its commit."""
    from runs.worker import next_run  # late: Django is set up once the installation is there

    with transaction.atomic():
        assert next_run.claim_next(owner="bench") is not None
        transaction.set_rollback(True)


def sweep_and_put_back() -> None:
    """What a sweeper of a worker of 64 asks of the database, as of runs that nobody was rung for; without the bell."""
    from runs.ledger.abandoned_calls import close_calls_of_ended_runs
    from runs.ledger.wake_covered import wake_covered
    from runs.worker import next_run
    from runs.worker.sweeper import RING_AGAIN_AFTER_S

    with transaction.atomic():
        wake_covered()
        next_run.ring_again(patience_s=RING_AGAIN_AFTER_S, most=64)
        close_calls_of_ended_runs()
        transaction.set_rollback(True)


def _note(found: dict[str, list[float]], name: str, figure: float) -> None:
    found.setdefault(name, []).append(figure)
