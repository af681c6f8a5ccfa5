"""The page of a batch of very many rows, its address by the API, and its rows beside those of another batch."""

from __future__ import annotations

import http.client
import random
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connection

from bench.pages_bench.history import _cookie
from bench.throughput_bench.installation import Installation, cpu_s
from bench.throughput_bench.parts import quantile
from bench.throughput_bench.table import Row, Table
from bench.throughput_bench.teams import Customer, _copy, new_customer, new_order

GOAL_P95_MS = 100
WARM_UP = 5
OK = 200
LINK = "UPDATE runs_batchrow SET run_id = run.id FROM runs_run AS run WHERE run.batch_id = %s AND"
LINK += " runs_batchrow.batch_id = run.batch_id AND runs_batchrow.position = run.batch_row"


def pages(table: Table, installation: Installation, *, rows: int, times: int) -> None:
    """Of a team next door, whose batch has a run for each row but the last ten, and stands still."""
    print(f"a batch of {rows:,} rows", file=sys.stderr, flush=True)
    customer = new_customer("next-door", base_url="http://127.0.0.1:9/v1", calls=1)
    orders = [new_order() for _ in range(rows)]
    batch = made(customer, orders)
    again = made(customer, random.Random(6).sample(orders, rows))
    page, api = f"/t/{customer.slug}/batches/{batch.pk}/", f"/api/v1/batches/{batch.pk}"
    matched = f"/t/{customer.slug}/compare/rows/?batches={batch.pk},{again.pk}"
    signed, bearer = {"Cookie": _cookie(customer.who.user)}, {"Authorization": f"Bearer {customer.token}"}
    asked = {
        "the page": (page, signed),
        "the page of those that failed": (f"{page}?status=failed", signed),
        "what a live page asks for": (page, signed | {"HX-Request": "true"}),
        "by the API, with 100 rows": (api, bearer),
        "its rows beside another's": (matched, signed),
        "a later page of these": (f"{matched}&cursor={rows // 2}", signed),
        "those whose answers differ": (f"{matched}&show=differ", signed),
    }
    found = []
    for name, (path, headers) in asked.items():
        timed_ms(installation.web_port, path, headers, times=WARM_UP)
        before = [cpu_s(one) for one in (installation.web, installation.postgres)]
        took = timed_ms(installation.web_port, path, headers, times=times)
        after = [cpu_s(one) for one in (installation.web, installation.postgres)]
        busy = [(now - then) * 1000 / times for now, then in zip(after, before, strict=True)]
        p95 = quantile(took, 0.95)
        found.append(Row(name, [quantile(took, 0.5), p95, *busy], 1, f"p95 < {GOAL_P95_MS}", p95 < GOAL_P95_MS))
    heads = ["p50", "p95", "web's", "PG's"]
    table.section(f"a batch of {rows:,} rows, one client, ms; of which processor's", heads, found)


def made(customer: Customer, orders: Sequence[str]) -> Any:
    """Launched, paused, and then as if nearly all of its rows had been run."""
    from runs.batches.actions import launch_batch, pause
    from runs.batches.order import BatchOrder
    from runs.feeding.feed import feed_batch
    from runs.models import Run, new_id

    order, rows = BatchOrder(rows=[{"order": one} for one in orders], max_concurrency=1), len(orders)
    batch = launch_batch(customer.who, customer.crew, order)
    (first,) = Run.objects.filter(pk__in=feed_batch(batch.pk))
    pause(customer.who, batch)
    chance = random.Random(5)
    ended = [_ended(_copy(first, id=new_id(), batch_row=at), chance) for at in range(2, rows - 9)]
    Run.objects.bulk_create(ended, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE runs_batchrow, runs_run")  # else each row looks for its run among all of them
        cursor.execute(LINK, [batch.pk])
        cursor.execute("DELETE FROM runs_taskrun WHERE run_id = %s", [first.pk])
        cursor.execute("UPDATE runs_run SET state = 'cancelled', finished_at = now() WHERE id = %s", [first.pk])
        cursor.execute("VACUUM ANALYZE")  # as autovacuum would have done by the time
    return batch


def _ended(run: Any, chance: random.Random) -> Any:
    run.state = "failed" if chance.random() < 0.05 else "succeeded"
    run.error, run.error_code = ("It broke.", "model_mistake") if run.state == "failed" else ("", "")
    run.started_at = run.created_at
    run.finished_at = run.created_at + timedelta(seconds=chance.uniform(1, 60))
    run.output_raw = "Demand grew in both quarters, costs fell. " * chance.randint(19, 20)
    run.spent_nusd, run.prompt_tokens = chance.randint(10_000, 900_000), chance.randint(100, 9_000)
    return run


def timed_ms(port: int, path: str, headers: dict[str, str], *, times: int) -> list[float]:
    """As one client with a kept connection sees it."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        client.request("GET", path, headers=headers)
        answer = client.getresponse()
        answer.read()
        assert answer.status == OK, f"{path}: {answer.status}"
        took.append((time.perf_counter() - began) * 1000)
    return took
