"""Batches that two workers carry out, of calls that each take a second."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from django.db import connection

from bench.throughput_bench.books import Books
from bench.throughput_bench.installation import Installation, cpu_s
from bench.throughput_bench.parts import Usage, megabytes, settle
from bench.throughput_bench.provider import Provider
from bench.throughput_bench.table import Row, Table
from bench.throughput_bench.teams import LIVE, Customer, count_runs, new_order

ANSWER_MS = 1_000
WARM_UP_ANSWER_MS = 50
WARM_UP_ROWS = 40
GOAL_RATIO = 1.10
TIMEOUT_S = 900.0
ACCEPTED = 202

WALL = """
    SELECT extract(epoch FROM max(run.finished_at) - batch.created_at)::float8
    FROM runs_batch AS batch JOIN runs_run AS run ON run.batch_id = batch.id WHERE batch.id = %s GROUP BY batch.id
"""


def flow(
    table: Table,
    installation: Installation,
    provider: Provider,
    customer: Customer,
    *,
    rows: int,
    at_once: Sequence[int],
) -> None:
    """One batch after another, each of so many rows under way at once."""
    installation.start_workers(installation.pgmq_url, count=2, concurrency=max(at_once))
    provider.answer_after(WARM_UP_ANSWER_MS)
    carried_out(installation, customer, rows=WARM_UP_ROWS, at_once=max(at_once))
    settle(installation)
    provider.answer_after(ANSWER_MS)
    found: list[dict[str, float]] = []
    for many in at_once:
        print(f"{rows:,} rows, {many} at once", file=sys.stderr, flush=True)
        found.append(measured(installation, provider, customer, rows=rows, at_once=many))
        settle(installation)
    installation.stop_workers()
    ratio = "wall time / the ideal of its concurrency"
    met = found[0][ratio] <= GOAL_RATIO
    table.section(
        f"{rows:,} rows on two workers, answers after {ANSWER_MS / 1000:g} s; so many at once",
        [str(many) for many in at_once],
        [
            Row(ratio, [one.pop(ratio) for one in found], 3, f"<= {GOAL_RATIO:.2f}", met),
            *(Row(name, [one[name] for one in found], 1) for name in found[0]),
        ],
    )


def measured(
    installation: Installation, provider: Provider, customer: Customer, *, rows: int, at_once: int
) -> dict[str, float]:
    books = Books(provider)
    usage, web_s = Usage(installation), cpu_s(installation.web)
    wall_s, most_mb = carried_out(installation, customer, rows=rows, at_once=at_once)
    web_ms = (cpu_s(installation.web) - web_s) * 1000
    workers_ms, postgres_ms = usage.workers_s() * 1000, usage.postgres_s() * 1000
    _, most_in_flight = books.close(f"{rows:,} rows, {at_once} at once")
    return {
        "wall time / the ideal of its concurrency": wall_s / (rows / at_once * ANSWER_MS / 1000),
        "wall time, s": wall_s,
        "most calls in flight, by the provider's count": most_in_flight,
        "processor time of the workers, ms a row": workers_ms / rows,
        "processor time of PostgreSQL, ms a row": postgres_ms / rows,
        "processor time of the web, launch and all, ms a row": web_ms / rows,
        "memory of the larger worker, most, MB": most_mb,
    }


def carried_out(installation: Installation, customer: Customer, *, rows: int, at_once: int) -> tuple[float, float]:
    """From the launch to the end of the last run, in seconds, and the most memory of a worker, in MB."""
    batch = launched(installation.web_port, customer, rows=rows, at_once=at_once)
    most_mb, ended = 0.0, 0
    deadline = time.monotonic() + TIMEOUT_S
    while ended < rows:
        assert time.monotonic() < deadline, f"{ended} of {rows} rows have ended after {TIMEOUT_S:g} s"
        time.sleep(0.5)
        ended = count_runs(f"batch_id = %s AND NOT ({LIVE})", batch)
        most_mb = max([most_mb, *map(megabytes, installation.workers)])
    with connection.cursor() as cursor:
        cursor.execute(WALL, [batch])
        return float(cursor.fetchone()[0]), most_mb


def launched(port: int, customer: Customer, *, rows: int, at_once: int) -> Any:
    """The id of a batch of so many rows."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = {"inputs": [{"order": new_order()} for _ in range(rows)], "max_concurrency": at_once}
    headers = {"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"}
    client.request("POST", f"/api/v1/crews/{customer.crew.slug}/batches", json.dumps(body), headers)
    answer = client.getresponse()
    text = answer.read()
    assert answer.status == ACCEPTED, f"{answer.status}: {text[:500]!r}"
    return json.loads(text)["id"]
