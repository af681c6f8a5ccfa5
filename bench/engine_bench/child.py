"""One measurement of one engine in a process of its own, so that memory and processor time are that engine's alone.

Usage: python -m bench.engine_bench.child '<Order as JSON>'    (the last line of the output is the result as JSON)
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict

from bench.engine_bench.bare_import import MARK, peak_mb
from bench.engine_bench.crews import ONE_TASK, SHAPES
from bench.engine_bench.runners import Run, Runner, plain_messages, runner


class Order(TypedDict, total=False):
    """What a child is to do: ``measure`` names a function of ``MEASURES``, the rest are its figures."""

    measure: str
    engine: str
    base_url: str
    shapes: list[str]
    repeats: int
    crews: int
    calls: int


class Crowd(TypedDict):
    """Many crews at once: seconds, milliseconds of processor time in all, megabytes at the peak."""

    wall_s: float
    cpu_ms: float
    peak_mb: float
    failures: int
    first_failure: str


async def walls(order: Order) -> dict[str, list[float]]:
    """Seconds of each repeat, by shape; one run of each shape before is not counted."""
    make = runner(order["engine"])
    found: dict[str, list[float]] = {}
    for name in order["shapes"]:
        await make(SHAPES[name])()
    for _ in range(order["repeats"]):
        for name in order["shapes"]:
            found.setdefault(name, []).append(await seconds(make(SHAPES[name])))
    return found


async def crowd(order: Order) -> Crowd:
    """``crews`` of the one shape at once, after a single one that warms up."""
    make, shape = runner(order["engine"]), SHAPES[order["shapes"][0]]
    await make(shape)()
    runs = [make(shape) for _ in range(order["crews"])]
    cpu, began = cpu_s(), time.perf_counter()
    outcomes = await asyncio.gather(*(run() for run in runs), return_exceptions=True)
    wall_s, used_s = time.perf_counter() - began, cpu_s() - cpu
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    return Crowd(
        wall_s=wall_s,
        cpu_ms=used_s * 1000,
        peak_mb=peak_mb(),
        failures=len(failures),
        first_failure=f"{type(failures[0]).__name__}: {failures[0]}"[:300] if failures else "",
    )


async def once(order: Order) -> None:
    """Each shape once, for the server to see its prompts."""
    make = runner(order["engine"])
    for name in order["shapes"]:
        await make(SHAPES[name])()


async def cpu_per_call(order: Order) -> dict[str, list[float]]:
    """Milliseconds of processor time per call of one-task crews in a row, for each repeat; by what made the calls.

    Ours also gives, in turns with it and so under the same conditions: ``client``, our LiteLLM client alone, asked
    with the same messages; ``litellm`` alone; and ``stub``, the engine with a client that answers at once.
    """
    engine = order["engine"]
    makers: dict[str, Runner] = {engine: runner(engine)}
    if engine == "engine":
        makers |= {"client": client_runner(), "litellm": runner("litellm"), "stub": stub_runner()}
    found: dict[str, list[float]] = {name: [] for name in makers}
    for repeat in range(order["repeats"] + 1):
        for name, make in makers.items():
            runs = [make(ONE_TASK) for _ in range(order["calls"])]
            began = cpu_s()
            for run in runs:
                await run()
            if repeat:  # the first turn warms up
                found[name].append((cpu_s() - began) * 1000 / order["calls"])
    return found


def client_runner() -> Runner:
    """Our LiteLLM client without the engine around it."""
    from engine.providers.credential import environment_credential
    from engine.providers.litellm_client import LiteLLMClient
    from engine.providers.llm import LLMRequest
    from engine.spec.crew_spec import LLMSpec

    client, llm = LiteLLMClient(environment_credential), LLMSpec(model="openai/gpt-4o-mini")

    def make(shape: Any) -> Run:
        request = LLMRequest(llm=llm, messages=tuple(plain_messages(shape)[0]), max_tokens=4096)
        return lambda: client.complete(request)

    return make


def stub_runner() -> Runner:
    """The engine with a client that counts tokens as the real one does and answers without asking anybody."""
    import engine
    from bench.engine_bench.crews import ANSWER, build
    from engine.providers.simulator import Simulator

    def make(shape: Any) -> Run:
        crew = build(engine, shape)
        crew.llm_client = Simulator(script=lambda request: ANSWER)
        return lambda: crew.akickoff(inputs=dict(shape.inputs))

    return make


async def seconds(run: Run) -> float:
    began = time.perf_counter()
    await run()
    return time.perf_counter() - began


def cpu_s() -> float:
    """User and system time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


MEASURES: dict[str, Callable[[Order], Awaitable[object]]] = {
    "walls": walls,
    "crowd": crowd,
    "once": once,
    "cpu_per_call": cpu_per_call,
}


def main() -> None:
    order: Order = json.loads(sys.argv[1])
    os.environ["OPENAI_BASE_URL"] = os.environ["OPENAI_API_BASE"] = order["base_url"]
    print(f"{MARK}{json.dumps(asyncio.run(MEASURES[order['measure']](order)))}", flush=True)


if __name__ == "__main__":
    main()
