"""Very many runs at once on two workers: whether all are in flight together, and what they take."""

from __future__ import annotations

import threading
import time
from typing import Self

import psycopg

from bench.throughput_bench.books import Books, wait_until_ended
from bench.throughput_bench.installation import OURS
from bench.throughput_bench.parts import Bench, Usage, megabytes, warm_up
from bench.throughput_bench.table import Row
from bench.throughput_bench.teams import launch_together, new_customer

CONCURRENCY, TEAMS = 512, 4
"""Of several teams, because no team gets the whole of a worker."""
GOAL_WALL = 1.5
MOST_CONNECTIONS = 2 * (10 + 4 + 1 + 1)
"""Of each worker: its pool, the broker's pool, the broker's listener and the starting connection of the broker's."""


def crowd(bench: Bench) -> None:
    installation, runs, answer_s = bench.installation, bench.extent.crowd, bench.extent.crowd_answer_ms / 1000
    bench.say(f"{runs:,} runs at once")
    base_url = bench.provider.base_url
    teams = [new_customer(f"crowd-{number}", base_url=base_url, calls=1) for number in range(TEAMS)]
    installation.start_workers(installation.pgmq_url, count=2, concurrency=CONCURRENCY)
    warm_up(bench)
    bench.provider.answer_after(bench.extent.crowd_answer_ms)
    books, usage = Books(bench.provider), Usage(installation)
    with Connections(installation.database_url) as connections:
        launch_together(teams, each=runs // TEAMS)
        began = time.monotonic()
        wall_s = wait_until_ended(timeout_s=answer_s + 300, look_every_s=0.1) - began
    billed, most_in_flight = books.close(f"{runs:,} runs at once")
    came = sorted(one.came_s - began for one in billed)
    memory = [megabytes(one) for one in installation.workers]
    rows = [
        Row(
            "most calls in flight, by the provider's count", [most_in_flight], 0, f"= {runs:,}", most_in_flight == runs
        ),
        Row("first call after the launch's commit, s", [came[0]], 2),
        Row("last call after the launch's commit, s", [came[-1]], 2),
        Row("wall time / a single call's", [wall_s / answer_s], 2, f"<= {GOAL_WALL}", wall_s / answer_s <= GOAL_WALL),
        Row("processor time of the workers, ms a run", [usage.workers_s() * 1000 / runs], 1),
        Row("processor time of PostgreSQL, ms a run", [usage.postgres_s() * 1000 / runs], 1),
        Row("memory of the larger worker, MB", [max(memory)]),
        Row(
            "most connections to PostgreSQL, of both workers",
            [connections.most],
            0,
            f"<= {MOST_CONNECTIONS}",
            connections.most <= MOST_CONNECTIONS,
        ),
    ]
    title = f"{runs:,} runs at once of {TEAMS} teams, two workers of {CONCURRENCY}, answers after {answer_s:g} s"
    bench.table.section(title, [""], rows)
    installation.stop_workers()


class Connections:
    """``with Connections(url) as connections``: counts other clients' connections ten times a second meanwhile."""

    def __init__(self, url: str) -> None:
        self.most = 0
        self._ended = threading.Event()
        self._url = f"{url}?application_name={OURS}"
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._ended.wait(0.1):
                row = connection.execute(COUNT, [OURS]).fetchone()
                self.most = max(self.most, row[0] if row else 0)


COUNT = """
    SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> %s
"""
