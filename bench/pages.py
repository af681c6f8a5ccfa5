"""Pages under load: processor time and queries of a page, and what a crowd of readers and viewers meets.

Usage: .venv/bin/python bench/pages.py [--quick]

PostgreSQL, the web and a team of 5,000 runs are real and on this machine, which the clients share. The processor time
of a page is also given as a multiple of that of a Django view that does nothing, measured in the same run: seconds are
those of the machine at the time, the multiple is the program's.
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
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil

from bench.pages_bench.crowd import Crowd, Found
from bench.pages_bench.history import Team, change, team_with_history
from bench.throughput_bench.installation import ROOT, Installation, cpu_s, free_port, stop, wait_for_port
from bench.throughput_bench.parts import quantile
from bench.throughput_bench.table import Row, Table

READERS = (1, 20, 200)
VIEWERS = 50
GOAL_P95_MS = 1000
GOAL_PAGES_A_SECOND = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs, fewer pages, a shorter crowd")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped too
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with Installation(Path(name)) as installation:
            team = team_with_history(500 if quick else 5_000, people=max(READERS))
            table = Table()
            costs(table, installation, team, times=20 if quick else 200)
            for processes in (1, 2):
                crowds(table, installation, team, processes=processes, seconds=4 if quick else 20)
            busy = psutil.getloadavg()[0]
            table.notes.append(f"{os.cpu_count()} cores, shared with PostgreSQL and the clients; load {busy:.1f}.")
            print(table.text())


def costs(table: Table, installation: Installation, team: Team, *, times: int) -> None:
    """What one page after another costs, to one client, in one web process."""
    installation.start_web(installation.pgmq_url)
    bare = bare_ms(times)
    rows = []
    for name, path in team.pages.items():
        get = partial(_get, installation.web_port, path, team.cookie)
        web_ms, postgres_ms = timed(get, times, installation.web, installation.postgres)
        goal, met = "", None
        if name == "list of 50 runs":
            goal, met = f">= {GOAL_PAGES_A_SECOND}", 1000 / web_ms >= GOAL_PAGES_A_SECOND
        figures = (1000 / web_ms, web_ms, web_ms / bare, postgres_ms, float(queries_of(path, team)))
        rows.append(Row(name, figures, 1, goal, met))
    rows.append(Row("a view of Django's that does nothing", (1000 / bare, bare, 1.0, None, None), 1))
    heads = ("a second", "web, ms", "x bare", "PG, ms", "queries")
    table.section("processor time of a page, and how many a core makes", heads, rows)
    installation.stop_web()


def crowds(table: Table, installation: Installation, team: Team, *, processes: int, seconds: float) -> None:
    """Readers who click on the list of runs a second after each answer, beside viewers of one live run."""
    installation.start_web(installation.pgmq_url, processes=processes)
    crowd = Crowd(installation.web_port, team.cookies, [team.pages["list of 50 runs"]], team.events)
    found, busy = [], []
    workers = (installation.web, installation.postgres, psutil.Process())
    for readers in READERS:
        before, began = [_own_s(one) for one in workers], time.monotonic()
        found.append(
            crowd.watch(readers=readers, viewers=VIEWERS, seconds=seconds, change=partial(change, team.live_run))
        )
        took = time.monotonic() - began
        busy.append([max(0.0, _own_s(one) - then) / took for one, then in zip(workers, before, strict=True)])
    installation.stop_web()
    last = found[-1]
    p95 = [1000 * quantile(one.seconds, 0.95) for one in found]
    rows = [
        _row("requests answered a second", found, lambda one: sum(one.statuses.values()) / one.took_s, digits=1),
        _row("p50, ms", found, lambda one: 1000 * quantile(one.seconds, 0.5)),
        Row("p95, ms", p95, 0, f"< {GOAL_P95_MS}", p95[-1] < GOAL_P95_MS),
        _row("sent away with 503", found, lambda one: one.statuses[503]),
        *(
            Row(f"cores that {who} took", [shares[nth] for shares in busy], 2)
            for nth, who in enumerate(("the web", "PostgreSQL", "the clients"))
        ),
        Row("other failures", [_failures(one) for one in found], 0, "= 0", not _failures(last)),
        _row("changes told to each viewer a second", found, lambda one: one.events / VIEWERS / one.took_s, digits=2),
        Row("viewers who lost their stream", [one.viewers_lost for one in found], 0, "= 0", not last.viewers_lost),
    ]
    name = f"{processes} web process{'es' if processes > 1 else ''}, {VIEWERS} viewers, and so many readers"
    table.section(name, [str(readers) for readers in READERS], rows)


def _own_s(process: psutil.Process) -> float:
    """Processor time so far; of this process without what it has started."""
    if process.pid == os.getpid():
        return time.process_time()
    return cpu_s(process)


def _row(name: str, found: list[Found], figure: Callable[[Found], float], digits: int = 0) -> Row:
    return Row(name, [figure(one) for one in found], digits)


def _failures(found: Found) -> int:
    return sum(number for status, number in found.statuses.items() if status not in (200, 503))


def bare_ms(times: int) -> float:
    """Milliseconds of processor time of a view that does nothing."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.pages_bench.bare:application", "--port", str(port)]
    server = subprocess.Popen([*command, "--log-level", "error", "--lifespan", "off"], cwd=ROOT)
    try:
        wait_for_port(port)
        return timed(partial(_get, port, "/", ""), times, psutil.Process(server.pid))[0]
    finally:
        stop([server])


def timed(get: Callable[[], None], times: int, *processes: psutil.Process) -> list[float]:
    """Milliseconds of processor time that each of the processes takes a time, once it is warm."""
    for _ in range(10):
        get()
    before = [cpu_s(one) for one in processes]
    for _ in range(times):
        get()
    return [1000 * (cpu_s(one) - began) / times for one, began in zip(processes, before, strict=True)]


def queries_of(path: str, team: Team) -> int:
    """How many queries the page makes, in this process."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"cookie": team.cookie})
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200, path
    return len(queries)


def _get(port: int, path: str, cookie: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, f"{path}: {answer.status}"


if __name__ == "__main__":
    main()
