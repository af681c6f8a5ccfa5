"""A batch of many rows: its wall time against the ideal of its concurrency, what a row costs of our own, and its page.

Usage: .venv/bin/python bench/batch.py [--quick]

Everything is a process of its own on this machine: PostgreSQL as ``make up`` starts it, the web, two workers, and a
provider's stand-in that answers after a second and keeps its own bill. A batch is launched by a real POST; once it is
done, every row has to have succeeded and the ledger has to equal the bill line by line, or the benchmark fails.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil

from bench.batch_bench.flow import flow
from bench.batch_bench.page import pages
from bench.throughput_bench.installation import Installation
from bench.throughput_bench.provider import Provider
from bench.throughput_bench.table import Table
from bench.throughput_bench.teams import new_customer

AT_ONCE = (10, 20, 40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one concurrency")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped too
    table = Table()
    before = psutil.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, Provider() as provider:
        Path(name).chmod(0o755)
        with Installation(Path(name)) as installation:
            customer = new_customer("bench", base_url=provider.base_url, calls=1)
            installation.start_web(installation.pgmq_url)
            flow(
                table,
                installation,
                provider,
                customer,
                rows=100 if quick else 1_000,
                at_once=AT_ONCE[:1] if quick else AT_ONCE,
            )
            pages(table, installation, rows=1_000 if quick else 10_000, times=30 if quick else 200)
    after = psutil.getloadavg()[0]
    table.notes.append(f"{os.cpu_count()} cores, shared with all of it; load {before:.1f} before, {after:.1f} after.")
    print(table.text())


if __name__ == "__main__":
    main()
