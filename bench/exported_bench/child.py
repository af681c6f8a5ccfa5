"""Runs exported crews with CrewAI, one after the other, in the interpreter that has it; imports nothing of ours.

Standard input: a list of orders as JSON, each with ``folder``, ``start`` (a file of it) and ``base_url``. For each a
line ``FAULT`` with the end of what went wrong, as JSON; "" for nothing.
"""

import json
import os
import runpy
import sys
import traceback

FAULT = "FAULT "


def main() -> None:
    for order in json.load(sys.stdin):
        os.chdir(order["folder"])
        os.environ["OPENAI_BASE_URL"] = os.environ["OPENAI_API_BASE"] = order["base_url"]
        fault = ""
        try:
            run(order["start"])
        except BaseException:  # noqa: BLE001 - also what ends a process: the others are to be run
            fault = traceback.format_exc()[-1500:]
        print(f"\n{FAULT}{json.dumps(fault)}", flush=True)


def run(start: str) -> None:
    if start.endswith(".py"):
        runpy.run_path(os.path.abspath(start), run_name="__main__")
        return
    from crewai.project.crew_loader import load_crew

    for name in [name for name in sys.modules if name == "crew_code"]:
        del sys.modules[name]
    crew, inputs = load_crew("crew.jsonc")
    print(crew.kickoff(inputs=inputs))


if __name__ == "__main__":
    main()
