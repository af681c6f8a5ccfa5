"""What a person sees who measures in a fresh process: crews at once against one after another, and one crew twice.

Usage: python -P bench/engine_bench/fresh.py engine|crewai gather|twice    (the last line is the result as JSON)

Nothing is imported or run before that would be ready then. Crews are made before the clock starts, as in the articles.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

MARK = "RESULT "
CREWS = 4


def main() -> None:
    engine, check = sys.argv[1:]
    api = __import__(engine)
    from bench.engine_bench.crews import ONE_TASK, TWO_TASKS, build

    if check == "gather":
        result = asyncio.run(gather(lambda: build(api, ONE_TASK), dict(ONE_TASK.inputs)))
    else:
        result = twice(build(api, TWO_TASKS), dict(TWO_TASKS.inputs))
    print(f"{MARK}{json.dumps(result)}", flush=True)


async def gather(make: Callable[[], Any], inputs: Mapping[str, str]) -> dict[str, float]:
    """Seconds of several crews at once, and then of as many one after another."""
    crews = [make() for _ in range(CREWS)]
    began = time.perf_counter()
    await asyncio.gather(*(crew.kickoff_async(inputs=inputs) for crew in crews))
    parallel_s = time.perf_counter() - began
    crews = [make() for _ in range(CREWS)]
    began = time.perf_counter()
    for crew in crews:
        await crew.kickoff_async(inputs=inputs)
    return {"parallel_s": parallel_s, "sequential_s": time.perf_counter() - began}


def twice(crew: Any, inputs: Mapping[str, str]) -> dict[str, float]:
    """Seconds of the first kickoff and of the second."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        crew.kickoff(inputs=inputs)
        seconds.append(time.perf_counter() - began)
    return {"first_s": seconds[0], "second_s": seconds[1]}


if __name__ == "__main__":
    main()
