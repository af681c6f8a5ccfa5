"""Crewsite's engine beside CrewAI, plain LiteLLM and plain httpx, on one loopback server, in one table.

Usage: .venv/bin/python bench/engine.py [--quick]

Every figure is measured in this run. CrewAI is installed beside the project at first use (``.crewsite/bench-crewai``);
where that cannot be done, its column stays empty and the rest is printed. Each measurement of each engine is a process
of its own. The answers take a set time (0, 50, 500 ms or 1 s), so what is left is the engines' own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, whose engine.py hides the package

from bench.engine_bench.child import Order
from bench.engine_bench.crews import ARTICLES, ONE_TASK, THREE_TASKS, Shape, path_calls
from bench.engine_bench.peer import NotMeasured, crewai_python, run_bare_import, run_child, run_fresh, run_pauses
from bench.engine_bench.prompts import PromptCost, by_shape, prompt_cost
from bench.engine_bench.server import Loopback, Report, base_url
from bench.engine_bench.table import COLUMNS, Row, Table, goal_row, plain_row

GOAL_RATIO = {50: 1.10, 500: 1.02}
GOAL_IMPORT_S = 0.3
GOAL_BEYOND_MS = 1.0
GOAL_SPEEDUP = 3.5
"""Of four crews at once over four in a row, in a fresh process."""
GOAL_FIRST_OVER_SECOND = 0.10
"""By how much the first kickoff of a process may differ from the second, as a share of the second."""
GOAL_PAUSE_MS = 100
GOAL_CROWD = {"wall_s": (1.15, 1 / 20), "cpu_ms": (1.3, 1 / 5), "peak_mb": (None, 1 / 4)}
"""Ours as a multiple of plain LiteLLM's, and of CrewAI's."""
CROWD_LATENCY_MS = 1000
NAMES = {"wall_s": "wall", "cpu_ms": "CPU", "peak_mb": "memory"}
ENGINES = ("engine", "crewai")


@dataclass(frozen=True)
class Extent:
    """How much is measured. ``repeats`` by latency in ms; ``crowds`` are the crews run at once, and how many."""

    repeats: Mapping[int, int]
    crowds: tuple[tuple[Shape, int], ...]
    imports: int
    cpu_repeats: int
    cpu_calls: int


FULL = Extent({0: 20, 50: 10, 500: 5}, ((ONE_TASK, 300), (THREE_TASKS, 300)), imports=5, cpu_repeats=7, cpu_calls=60)
QUICK = Extent({0: 5, 50: 4}, ((ONE_TASK, 60),), imports=2, cpu_repeats=3, cpu_calls=30)


class Bench:
    """The server, both interpreters and the table that fills."""

    def __init__(self, server: Loopback, extent: Extent) -> None:
        self.server = server
        self.extent = extent
        self.table = Table()
        self.pythons: dict[str, Path | str] = dict.fromkeys(COLUMNS, sys.executable)
        try:
            self.pythons["crewai"] = crewai_python()
        except NotMeasured as reason:
            del self.pythons["crewai"]
            self.table.notes.append(str(reason))

    def by_engine(self, measure: Callable[[str, Path | str], Any], *engines: str) -> dict[str, Any]:
        """The measure of each engine that there is; what cannot be measured is left out and noted."""
        found = {}
        for engine in engines or tuple(COLUMNS):
            if engine in self.pythons:
                try:
                    found[engine] = measure(engine, self.pythons[engine])
                except NotMeasured as reason:
                    self.table.notes.append(f"{COLUMNS[engine]}: {reason}")
        return found

    def children(self, order: Order, latency_ms: int, *engines: str) -> dict[str, tuple[Any, Report]]:
        """What the children of all engines found at this latency, and what the server saw of each."""

        def measure(engine: str, python: Path | str) -> tuple[Any, Report]:
            print(f"  {order['measure']}, {COLUMNS[engine]}, {latency_ms} ms ...", file=sys.stderr)
            self.server.reset()
            url = base_url(self.server.address, latency_ms)
            result = run_child(python, Order(**{**order, "engine": engine, "base_url": url}))
            return result, self.server.report()

        return self.by_engine(measure, *engines)


def walls(bench: Bench, latency_ms: int) -> None:
    """Median wall time over critical path; at 0 ms, where that has no meaning, milliseconds per call on the path."""
    repeats = bench.extent.repeats[latency_ms]
    names = [shape.name for shape in (ONE_TASK, *ARTICLES)]
    order = Order(measure="walls", shapes=names, repeats=repeats)
    found = bench.children(order, latency_ms, *ENGINES)
    alone = Order(measure="walls", shapes=[ONE_TASK.name], repeats=repeats * 4)
    plain = bench.children(alone, latency_ms, "litellm", "httpx")
    note_extra_calls(bench, found, repeats)
    medians = {
        engine: {name: statistics.median(times) for name, times in result.items()}
        for engine, (result, _) in (found | plain).items()
    }
    if "httpx" not in medians:
        return
    round_trip_s = medians["httpx"][ONE_TASK.name]
    one = {engine: times[ONE_TASK.name] * 1000 for engine, times in medians.items()}
    rows = [plain_row("one call, ms", one, digits=1)]
    for shape in ARTICLES:
        cells = {engine: medians[engine][shape.name] for engine in ENGINES if engine in medians}
        rows.append(wall_row(shape, cells, latency_ms, round_trip_s))
    what = "ms per call on the longest chain" if latency_ms == 0 else "wall time / critical path"
    bench.table.section(f"{what}, answers after {latency_ms} ms (median of {repeats})", rows)


def wall_row(shape: Shape, walls_s: Mapping[str, float], latency_ms: int, round_trip_s: float) -> Row:
    calls = path_calls(shape)
    name = f"{shape.name} (path: {calls} calls)"
    if latency_ms == 0:
        return plain_row(name, {engine: wall / calls * 1000 for engine, wall in walls_s.items()}, digits=1)
    ratios = {engine: wall / (calls * round_trip_s) for engine, wall in walls_s.items()}
    return goal_row(name, ratios, GOAL_RATIO[latency_ms], digits=3)


def note_extra_calls(bench: Bench, found: Mapping[str, tuple[Any, Report]], repeats: int) -> None:
    """A call is one task's only question in these crews; whoever asks more often is named."""
    expected = (repeats + 1) * sum(len(shape.jobs) for shape in (ONE_TASK, *ARTICLES))
    for engine, (_, report) in found.items():
        if report["calls"] != expected:
            bench.table.notes.append(f"{COLUMNS[engine]} made {report['calls']} calls for {expected} tasks.")


def crowd(bench: Bench, shape: Shape, crews: int) -> None:
    """Many crews at once in one process, each call 1 s."""
    order = Order(measure="crowd", shapes=[shape.name], crews=crews)
    found = bench.children(order, CROWD_LATENCY_MS)
    calls = crews * len(shape.jobs)
    result = {engine: one for engine, (one, _) in found.items()}
    for engine, one in result.items():
        if one["failures"]:
            bench.table.notes.append(f"{COLUMNS[engine]}, {one['failures']} failed: {one['first_failure']}")
    in_flight = {engine: report["most_in_flight"] for engine, (_, report) in found.items()}
    failures = {engine: one["failures"] for engine, one in result.items()}
    rows = [
        plain_row("wall, s", {engine: one["wall_s"] for engine, one in result.items()}, digits=2),
        plain_row("CPU per call, ms", {engine: one["cpu_ms"] / calls for engine, one in result.items()}, digits=1),
        plain_row("peak memory, MB", {engine: one["peak_mb"] for engine, one in result.items()}),
        goal_row("failed crews", failures, 0, digits=0),
        Row("most calls in flight", texts(in_flight), f"= {crews}", in_flight.get("engine") == crews),
        *crowd_ratios(result),
    ]
    bench.table.section(f"{crews} crews at once, {shape.name}, 1 s a call", rows)


def crowd_ratios(result: Mapping[str, Any]) -> list[Row]:
    """What ours took, as a multiple of what the others took: each in the column of who it is compared with."""
    rows = []
    for measure, (of_litellm, of_crewai) in GOAL_CROWD.items():
        for other, goal in (("litellm", of_litellm), ("crewai", of_crewai)):
            if goal is not None and {"engine", other} <= result.keys():
                ratio = result["engine"][measure] / result[other][measure]
                name = f"our {NAMES[measure]} / {COLUMNS[other]}'s"
                rows.append(Row(name, {other: f"{ratio:.3f}"}, f"<= {goal:.2f}", ratio <= goal))
    return rows


def prompts(bench: Bench) -> None:
    """Tokens per call: the user's own words, and what each engine puts around them."""
    order = Order(measure="once", shapes=[shape.name for shape in ARTICLES])
    found = bench.children(order, 0, *ENGINES)
    costs: dict[str, dict[str, PromptCost]] = {}
    for engine, (_, report) in found.items():
        try:
            costs[engine] = {shape.name: prompt_cost(shape, own) for shape, own in by_shape(ARTICLES, report["bodies"])}
        except LookupError as reason:
            bench.table.notes.append(f"{COLUMNS[engine]}: {reason}")
        missing = sum(cost.missing for cost in costs.get(engine, {}).values())
        if missing:
            bench.table.notes.append(f"{COLUMNS[engine]} left out {missing} of the user's texts.")
    rows = [prompt_row(shape, {engine: of[shape.name] for engine, of in costs.items()}) for shape in ARTICLES]
    bench.table.section("prompt tokens per call, as received: the user's own words + what was added", rows)


def prompt_row(shape: Shape, costs: Mapping[str, PromptCost]) -> Row:
    cells = {engine: f"{cost.own:.0f} + {cost.added:.1f}" for engine, cost in costs.items()}
    if set(ENGINES) - set(costs):
        return Row(shape.name, cells, "half added")
    met = costs["engine"].added <= costs["crewai"].added / 2 and not costs["engine"].missing
    return Row(shape.name, cells, "half added", met)


def imports(bench: Bench) -> None:
    """A fresh interpreter's import, its memory then, and the time to its first answer."""
    url = base_url(bench.server.address, 0)

    def measure(engine: str, python: Path | str) -> dict[str, float]:
        print(f"  import, {COLUMNS[engine]} ...", file=sys.stderr)
        runs = [run_bare_import(python, engine, url) for _ in range(bench.extent.imports + 1)][1:]
        return {name: statistics.median(float(run[name]) for run in runs) for name in runs[0]}

    found = bench.by_engine(measure, *ENGINES)

    def column(name: str) -> dict[str, float]:
        return {engine: one[name] for engine, one in found.items()}

    waited = {engine: "yes" if one["waits_for_litellm"] else "no" for engine, one in found.items()}
    rows = [
        goal_row("import, s", column("import_s"), GOAL_IMPORT_S, digits=2),
        Row("it waits for LiteLLM", waited, "no", waited.get("engine") == "no"),
        plain_row("memory after the import, MB", column("peak_mb")),
        plain_row("import and first call, s", column("first_call_s"), digits=2),
        plain_row("memory after the first call, MB", column("first_call_mb")),
    ]
    bench.table.section(f"import in a fresh process (median of {bench.extent.imports})", rows)


def fresh(bench: Bench) -> None:
    """What the articles' own checks print in a fresh process, at 1 s a call; medians of several processes."""
    url = base_url(bench.server.address, CROWD_LATENCY_MS)

    def measure(check: str, engine: str, python: Path | str) -> dict[str, float]:
        print(f"  fresh process, {check}, {COLUMNS[engine]} ...", file=sys.stderr)
        runs = [run_fresh(python, engine, check, url) for _ in range(bench.extent.imports + 1)][1:]
        return {name: statistics.median(float(run[name]) for run in runs) for name in runs[0]}

    at_once = bench.by_engine(partial(measure, "gather"), *ENGINES)
    twice = bench.by_engine(partial(measure, "twice"), *ENGINES)
    speedups = {engine: one["sequential_s"] / one["parallel_s"] for engine, one in at_once.items()}
    shifts = {engine: abs(one["first_s"] / one["second_s"] - 1) for engine, one in twice.items()}
    speedup = texts({engine: round(figure, 2) for engine, figure in speedups.items()})
    rows = [
        plain_row("four crews at once, s", {engine: one["parallel_s"] for engine, one in at_once.items()}, digits=2),
        plain_row("four in a row, s", {engine: one["sequential_s"] for engine, one in at_once.items()}, digits=2),
        Row("the first over the second", speedup, f">= {GOAL_SPEEDUP}", speedups.get("engine", 0) >= GOAL_SPEEDUP),
        plain_row("a crew's first kickoff, s", {engine: one["first_s"] for engine, one in twice.items()}, digits=2),
        plain_row("its second, s", {engine: one["second_s"] for engine, one in twice.items()}, digits=2),
        goal_row("they differ by", shifts, GOAL_FIRST_OVER_SECOND, digits=3),
    ]
    bench.table.section("what is measured in a fresh process, 1 s a call", rows)


def pauses(bench: Bench) -> None:
    """The longest processor time that the event loop is kept for at once, by what for."""
    print("  pauses of the event loop ...", file=sys.stderr)
    try:
        found = run_pauses()
    except NotMeasured as reason:
        bench.table.notes.append(f"Pauses were not measured: {reason}")
        return
    rows = [goal_row(name, {"engine": ms}, GOAL_PAUSE_MS, digits=0) for name, ms in found.items()]
    bench.table.section("longest pause of the event loop, ms of processor time", rows)


def cpu(bench: Bench) -> None:
    """Processor time of calls one after another at 0 ms, and how much of ours is not LiteLLM's."""
    extent = bench.extent
    order = Order(measure="cpu_per_call", repeats=extent.cpu_repeats, calls=extent.cpu_calls)
    found = {engine: result for engine, (result, _) in bench.children(order, 0).items()}
    rows = [plain_row("call in a row", {name: statistics.median(one[name]) for name, one in found.items()}, digits=2)]
    if ours := found.get("engine"):
        rows += [
            beyond("engine + MemoryJournal beyond LiteLLM", ours, "engine", "litellm", goal=GOAL_BEYOND_MS),
            beyond("  of which around the client", ours, "engine", "client"),
            beyond("  of which the client around LiteLLM", ours, "client", "litellm"),
            plain_row("engine + MemoryJournal, stub client", {"engine": statistics.median(ours["stub"])}, digits=2),
            recorder_row(),
        ]
    title = f"CPU per call, ms, one-task crews in a row at 0 ms (median of {extent.cpu_repeats} x {extent.cpu_calls})"
    bench.table.section(title, rows)


def beyond(name: str, found: Mapping[str, list[float]], more: str, less: str, *, goal: float | None = None) -> Row:
    """The median difference of two ways to call that were measured in turns."""
    pairs = zip(found[more], found[less], strict=True)
    cells = {"engine": statistics.median(one - other for one, other in pairs)}
    return plain_row(name, cells, digits=2) if goal is None else goal_row(name, cells, goal, digits=2)


def recorder_row() -> Row:
    """The place of the recorder's part: it needs PostgreSQL, and is measured by the benchmark of the worker."""
    return Row("recorder in PostgreSQL (not part of this run)", {})


def texts(cells: Mapping[str, float]) -> dict[str, str]:
    return {engine: f"{figure:g}" for engine, figure in cells.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats, smaller crowd, no 500 ms")
    extent = QUICK if parser.parse_args().quick else FULL
    with Loopback() as server:
        bench = Bench(server, extent)
        for latency_ms in extent.repeats:
            walls(bench, latency_ms)
        for shape, crews in extent.crowds:
            crowd(bench, shape, crews)
        prompts(bench)
        imports(bench)
        fresh(bench)
        cpu(bench)
        pauses(bench)
    print(bench.table.text())


if __name__ == "__main__":
    main()
