"""What every part of the benchmark is given: the installation, the stand-in, a customer, the extent and the table."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil
from django.db import connection

from bench.throughput_bench.installation import Installation, cpu_s
from bench.throughput_bench.provider import Provider
from bench.throughput_bench.table import Table
from bench.throughput_bench.teams import LIVE, Customer, count_runs, launch_together

SETTLE_TIMEOUT_S = 60.0
START_TIMEOUT_S = 120.0
WARM_UP_RUNS, WARM_UP_ANSWER_MS = 24, 300


@dataclass(frozen=True)
class Extent:
    """How much is measured. ``depths`` are the queue's; ``crowd`` is how many runs at once."""

    clicks: int
    depths: tuple[int, ...]
    launches: int
    claims: int
    sweeps: int
    crowd: int
    crowd_answer_ms: int
    newcomers: int


@dataclass
class Bench:
    """``customer``: the team that launches, with a crew of three calls in a row. ``other``: one that is next door."""

    installation: Installation
    provider: Provider
    extent: Extent
    customer: Customer
    other: Customer
    table: Table = field(default_factory=Table)
    began_s: float = field(default_factory=time.monotonic)

    @property
    def port(self) -> int:
        return self.installation.web_port

    def say(self, what: str) -> None:
        """To whoever waits for the table."""
        print(f"{time.monotonic() - self.began_s:6.0f} s  {what}", file=sys.stderr, flush=True)


def quantile(figures: Sequence[float], part: float) -> float:
    """The smallest figure that at least this part of them do not exceed."""
    return sorted(figures)[max(0, math.ceil(part * len(figures)) - 1)]


def settle(installation: Installation) -> None:
    """Until the workers have begun to wait for work: they use no processor time any more."""
    time.sleep(1.5)
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    calm = 0
    while calm < 3 and time.monotonic() < deadline:
        before = [cpu_s(one) for one in installation.workers]
        time.sleep(0.3)
        used = [cpu_s(one) - was for one, was in zip(installation.workers, before, strict=True)]
        calm = calm + 1 if max(used) < 0.06 else 0


class Usage:
    """Processor time since it was made."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._began = self._now()

    def workers_s(self) -> float:
        return self._now()[0] - self._began[0]

    def postgres_s(self) -> float:
        return self._now()[1] - self._began[1]

    def _now(self) -> tuple[float, float]:
        return sum(map(cpu_s, self._installation.workers)), cpu_s(self._installation.postgres)


def warm_up(bench: Bench) -> None:
    """Until each worker has run something and has nothing to do: first runs take longer, and are measured elsewhere."""
    bench.provider.answer_after(WARM_UP_ANSWER_MS)
    wait_until_all_work(bench, lambda: launch_together([bench.other], each=WARM_UP_RUNS))
    while count_runs(LIVE):
        time.sleep(0.05)
    settle(bench.installation)


def wait_until_all_work(bench: Bench, give: Callable[[], object] = lambda: None) -> None:
    """Until a call of each worker has ended. ``give`` gives them something to do whenever there is nothing."""
    worked: set[str] = set()
    deadline = time.monotonic() + START_TIMEOUT_S
    while len(worked) < len(bench.installation.workers):
        assert time.monotonic() < deadline, f"only {worked} worked within {START_TIMEOUT_S:g} s"
        if not count_runs(LIVE):
            give()
        with connection.cursor() as cursor:
            cursor.execute(AT_WORK)
            worked |= {row[0] for row in cursor.fetchall()}
        time.sleep(0.02)


AT_WORK = """
    SELECT DISTINCT lease_owner FROM runs_run
    WHERE state = 'running' AND lease_owner <> '' AND successful_requests > 0
"""


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6
