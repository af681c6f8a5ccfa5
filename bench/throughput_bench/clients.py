"""Clients of the HTTP API that launch runs and note when they sent and when they were answered."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.throughput_bench.teams import Customer, new_order

ACCEPTED = 202
_own = threading.local()


@dataclass(frozen=True)
class Click:
    """One launch: its run's order, and on the system-wide monotonic clock when it was sent and answered."""

    order: str
    run_id: str
    sent_s: float
    answered_s: float


def click(port: int, customer: Customer) -> Click:
    """Launches a run over this thread's own kept connection."""
    order = new_order()
    body = json.dumps({"inputs": {"order": order}}).encode()
    headers = {"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"}
    connection = _connection(port)
    sent_s = time.monotonic()
    connection.request("POST", customer.path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    answered_s = time.monotonic()
    assert answer.status == ACCEPTED, f"{answer.status}: {text[:500]!r}"
    return Click(order, json.loads(text)["id"], sent_s, answered_s)


def _connection(port: int) -> http.client.HTTPConnection:
    """Connected before the clock starts; the server closes those that were idle for some seconds."""
    known: tuple[http.client.HTTPConnection, int, float] | None = getattr(_own, "connection", None)
    if known is not None and known[1] == port and time.monotonic() - known[2] < 2:
        connection = known[0]
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
    _own.connection = (connection, port, time.monotonic())
    return connection


def at_once(port: int, customer: Customer, *, launches: int, clients: int) -> tuple[list[Click], float]:
    """So many launches by clients that each send the next when the last is answered; and the seconds they took."""
    with ThreadPoolExecutor(clients) as pool:
        began = time.monotonic()
        clicks = list(pool.map(lambda _: click(port, customer), range(launches)))
        return clicks, time.monotonic() - began


def at_random(port: int, customer: Customer, *, launches: int, per_s: float) -> list[Click]:
    """Launches at random moments, so many a second on average, whether or not earlier ones were answered."""
    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda due: _at(due, lambda: click(port, customer)), _moments(launches, per_s)))


def _moments(launches: int, per_s: float) -> Iterator[float]:
    chance, due = random.Random(1), time.monotonic()
    for _ in range(launches):
        due += chance.expovariate(per_s)
        yield due


def _at(due: float, act: Callable[[], Click]) -> Click:
    time.sleep(max(0.0, due - time.monotonic()))
    return act()
