"""Pages of figures and history at 10,000, 100,000 and 1,000,000 runs: how long the server takes to answer.

Usage: .venv/bin/python bench/history.py [--sizes 10000,100000,1000000] [--keep FOLDER] [--times 50] [--plans]

Each size has a PostgreSQL of its own, as ``make up`` starts it, with one team whose runs ``make_history`` made; one
web process answers one client. A million runs take 15 GB and some ten minutes to make: ``--keep`` leaves them in the
folder, where the next measurement finds them. ``--plans`` prints the plan of each slow query of a page that misses.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil

from bench.throughput_bench.table import Row, Table

SIZES = (10_000, 100_000, 1_000_000)
GOAL_P95_MS, GOAL_GROWTH = 100.0, 1.3
MOST_RUNS = "runs.csv?q=since:60d"
"""More than a million runs are no file, and some are made besides the history's."""
EXPORTED, EXPORT = 100_000, "file of up to 100,000 runs"
SLOW_QUERY_MS = 20.0


@dataclass(frozen=True)
class Measured:
    """One page at one size."""

    median_ms: float
    p95_ms: float
    queries: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="how many runs the teams have")
    parser.add_argument("--keep", type=Path, help="a folder for the databases; else they are removed at the end")
    parser.add_argument("--times", type=int, default=50, help="how often each page is asked for")
    parser.add_argument("--plans", action="store_true", help="print query plans of pages that miss their goal")
    parser.add_argument("--one-size", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped too
    if given.one_size:
        one_size(given.one_size, given.keep, given.times, plans=given.plans)
        return
    sizes = [int(size) for size in given.sizes.split(",")]
    with tempfile.TemporaryDirectory() as name:
        kept = given.keep or Path(name)
        found = {size: in_a_process(size, kept, given) for size in sizes}
    print(table_of(found).text())


def in_a_process(size: int, kept: Path, given: argparse.Namespace) -> dict[str, dict[str, Measured]]:
    """One size in a process of its own, since Django is set up for one database."""
    command = [sys.executable, __file__, "--one-size", str(size), "--keep", str(kept), "--times", str(given.times)]
    done = subprocess.run(command + ["--plans"] * given.plans, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, dict[str, Measured]] = {}
    for line in done.stdout.splitlines():
        section, *rest = line.split("\t")
        if not rest:
            continue  # something that the installation said of itself
        name, *figures = rest
        found.setdefault(section, {})[name] = Measured(float(figures[0]), float(figures[1]), int(figures[2]))
    return found


def one_size(size: int, kept: Path, times: int, *, plans: bool) -> None:
    """Prints a line for each page: section, name, median and p95 in milliseconds, queries."""
    from bench.history_bench.asking import plans_of_slow_queries, queries_of
    from bench.history_bench.questions import asked_of, questions
    from bench.throughput_bench.installation import Installation

    folder = kept / str(size)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    with Installation(folder) as installation:
        asked = asked_of("history", size, say)
        installation.start_web(installation.pgmq_url)
        for section, pages in questions(asked).items():
            for name, path in pages.items():
                took_ms = sorted(answer_ms(installation.web_port, path, asked.cookie, times))
                p95_ms = took_ms[int(0.95 * (times - 1))]
                queries = queries_of(path, asked.cookie)
                print(section, name, took_ms[times // 2], p95_ms, queries, sep="\t", flush=True)
                say(f"{size:,} runs: {name}: {took_ms[times // 2]:.0f} ms, p95 {p95_ms:.0f}")
                if plans and p95_ms > GOAL_P95_MS:
                    say(plans_of_slow_queries(path, asked.cookie, SLOW_QUERY_MS))

        seconds, grown_mb = export(
            installation.web_port, f"/t/{asked.slug}/{MOST_RUNS}", asked.cookie, installation.web
        )
        print(EXPORT, "CSV", seconds, grown_mb, 0, sep="\t", flush=True)


def export(port: int, path: str, cookie: str, web: psutil.Process) -> tuple[float, float]:
    """Seconds until ``EXPORTED`` lines were read, or all, and the megabytes by which the web process grew most."""
    before = most = web.memory_info().rss
    began = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
        for number, line in enumerate(answer):
            if number % 1000 == 0:
                most = max(most, web.memory_info().rss)
            if number == EXPORTED or not line:
                break
    return time.perf_counter() - began, (most - before) / 1e6


def answer_ms(port: int, path: str, cookie: str, times: int) -> list[float]:
    """Milliseconds from each request to the end of its answer, over one connection, once the page is warm."""
    took = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for _ in range(times + 3):
            began = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
            answer = connection.getresponse()
            answer.read()
            took.append(1000 * (time.perf_counter() - began))
            if answer.status not in (200, 422):  # 422: a filter was given up after its time, and the page says so
                raise SystemExit(f"{path}: {answer.status}")
    return took[3:]


def table_of(found: dict[int, dict[str, dict[str, Measured]]]) -> Table:
    table = Table()
    sizes = sorted(found)
    heads = [f"{size:,}" for size in sizes for _ in range(2)]
    first, last = found[sizes[0]], found[sizes[-1]]
    for section, pages in last.items():
        rows = []
        if section == EXPORT:
            cells = [
                figure
                for size in sizes
                for figure in (found[size][section]["CSV"].median_ms, found[size][section]["CSV"].p95_ms)
            ]
            table.section(f"{section}: seconds, MB grown", heads, [Row("CSV", cells, 1)])
            continue
        for name, at_most in pages.items():
            columns = [found[size][section][name] for size in sizes]
            cells: list[float | None] = [ms for one in columns for ms in (one.median_ms, one.p95_ms)]
            growth = at_most.median_ms / first[section][name].median_ms
            met = at_most.p95_ms < GOAL_P95_MS and growth <= GOAL_GROWTH
            rows.append(Row(name, [*cells, growth, float(at_most.queries)], 1, "", met))
        table.section(f"{section}: median and p95, ms", [*heads, "growth", "queries"], rows)
    goal = (
        f"p95 < {GOAL_P95_MS:.0f} ms with the most runs, and a median at most {GOAL_GROWTH} times that with the fewest"
    )
    load = psutil.getloadavg()[0]
    table.notes += [
        f"Goal: {goal}.",
        f"{os.cpu_count()} cores, also for PostgreSQL and the client, load {load:.1f}.",
    ]
    return table


def say(what: str) -> None:
    """To whoever waits for the table."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
