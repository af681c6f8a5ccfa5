"""The import of an engine in a fresh interpreter, then its first call. Nothing is imported before that it might share.

Usage: python -P bench/engine_bench/bare_import.py engine|crewai    (the last line is ``Imported`` as JSON)
"""

import sys
import time

MARK = "RESULT "


def main() -> None:
    name = sys.argv[1]
    began = time.perf_counter()
    api = __import__(name)
    _ = api.Agent, api.Task, api.Crew  # ours loads them when they are asked for
    import_s, after_mb = time.perf_counter() - began, peak_mb()
    waits_for_litellm = "litellm.main" in sys.modules  # which is among the last of what its import imports
    import asyncio
    import json

    from bench.engine_bench.crews import ONE_TASK, build

    asyncio.run(build(api, ONE_TASK).akickoff(inputs=dict(ONE_TASK.inputs)))
    result = {
        "import_s": import_s,
        "peak_mb": after_mb,
        "waits_for_litellm": waits_for_litellm,
        "first_call_s": time.perf_counter() - began,
        "first_call_mb": peak_mb(),
    }
    print(f"{MARK}{json.dumps(result)}", flush=True)


def peak_mb() -> float:
    """Most resident memory so far. Linux's ``ru_maxrss`` may be the parent's from before exec; its VmHWM is not."""
    import resource

    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024 / 1e6
    except OSError:
        factor = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * factor / 1e6


if __name__ == "__main__":
    main()
