"""CrewAI in a virtual environment of its own, made at first use, and the running of children in either environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from bench.engine_bench.child import MARK, Order

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".crewsite" / "bench-crewai"
VERSION = "1.15.30"
CHILD_TIMEOUT_S = 1200
QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
LOCAL = {"OPENAI_API_KEY": "loopback", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": str(ROOT)}


class NotMeasured(Exception):
    """A child did not give its result; the text says why."""


def crewai_python() -> Path:
    """The interpreter that has CrewAI, installing it if need be. Raises ``NotMeasured`` if that cannot be done."""
    python = FOLDER / ("Scripts" if os.name == "nt" else "bin") / "python"
    if installed_version(python) == VERSION:
        return python
    print(f"Installing CrewAI {VERSION} beside the project, to be measured against (once) ...", file=sys.stderr)
    venv.create(FOLDER, clear=True, with_pip=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"crewai=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed_version(python) != VERSION:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise NotMeasured(f"CrewAI {VERSION} could not be installed: {last}")
    return python


def installed_version(python: Path) -> str:
    """The version of CrewAI that this interpreter has, empty if none."""
    if not python.exists():
        return ""
    command = [python, "-c", "from importlib.metadata import version; print(version('crewai'))"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def run_child(python: Path | str, order: Order) -> Any:
    """The child's result. Raises ``NotMeasured`` with the end of what it complained about."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, **QUIET, **LOCAL, "HOME": home}
        try:
            done = subprocess.run(
                [python, "-m", "bench.engine_bench.child", json.dumps(order)],
                cwd=home,
                env=environment,
                capture_output=True,
                text=True,
                timeout=CHILD_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotMeasured(f"{order['engine']} {order['measure']}: not done in {CHILD_TIMEOUT_S} s") from error
    results = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not results:
        raise NotMeasured(f"{order['engine']} {order['measure']}: {done.stderr.strip()[-1500:] or done.stdout[-500:]}")
    return json.loads(results[-1].removeprefix(MARK))
