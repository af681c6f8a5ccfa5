"""The whole installation under load: from click to first call, launches and calls a second, long queues, a crowd.

Usage: .venv/bin/python bench/throughput.py [--quick]

Everything is a process of its own on this machine: PostgreSQL as ``make up`` starts it, web, workers, Redis where it is
installed, and a provider's stand-in that keeps its own bill. Launches are real POSTs. After each part every run has to
have ended and the ledger has to equal that bill line by line, or the benchmark fails; it never fails for being slow.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.throughput_bench.crowd import crowd
from bench.throughput_bench.fairness import fairness
from bench.throughput_bench.first_call import first_call
from bench.throughput_bench.installation import Installation
from bench.throughput_bench.ledger import ledger
from bench.throughput_bench.parts import Bench, Extent
from bench.throughput_bench.provider import Provider
from bench.throughput_bench.queued import queued
from bench.throughput_bench.teams import new_customer

FULL = Extent(
    clicks=250,
    depths=(100, 1_000, 10_000),
    launches=200,
    claims=100,
    sweeps=10,
    crowd=1_000,
    crowd_answer_ms=60_000,
    newcomers=20,
)
QUICK = Extent(
    clicks=20, depths=(25, 250), launches=24, claims=20, sweeps=3, crowd=100, crowd_answer_ms=3_000, newcomers=4
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer samples, shorter queues, a smaller crowd")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped too
    extent = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory() as name, Provider() as provider:
        Path(name).chmod(0o755)
        with Installation(Path(name)) as installation:
            print(measure(installation, provider, extent).table.text())


def measure(installation: Installation, provider: Provider, extent: Extent) -> Bench:
    base_url = provider.base_url
    bench = Bench(
        installation,
        provider,
        extent,
        customer=new_customer("bench", base_url=base_url, calls=2),
        other=new_customer("next-door", base_url=base_url, calls=2),
    )
    first_call(bench, "pgmq", installation.pgmq_url)
    if redis_url := installation.start_redis():
        first_call(bench, "Redis", redis_url)
    else:
        bench.table.notes.append("Redis is not installed here, so nothing was measured on it.")
    queued(bench)
    ledger(bench, fairness(bench))
    crowd(bench)
    return bench


if __name__ == "__main__":
    main()
