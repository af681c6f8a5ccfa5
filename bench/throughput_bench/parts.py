"""What every part of the benchmark is given: the installation, the stand-in, a customer, the extent and the table."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.throughput_bench.installation import Installation, cpu_s
from bench.throughput_bench.provider import Provider
from bench.throughput_bench.table import Table
from bench.throughput_bench.teams import Customer

SETTLE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Extent:
    """How much is measured: clicks for each distribution, depths of the queue, runs at once and how long a call takes."""

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

    @property
    def port(self) -> int:
        return self.installation.web_port


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
