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

from bench.engine_bench.bare_import import MARK
from bench.engine_bench.child import Order

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
    """The result of ``child.py``. Raises ``NotMeasured`` with the end of what it complained about."""
    return _result([python, "-m", "bench.engine_bench.child", json.dumps(order)], order["base_url"])


def run_bare_import(python: Path | str, engine: str, base_url: str) -> Any:
    """The result of ``bare_import.py``. Raises ``NotMeasured``."""
    return _result([python, "-P", ROOT / "bench" / "engine_bench" / "bare_import.py", engine], base_url)


def run_fresh(python: Path | str, engine: str, check: str, base_url: str) -> Any:
    """The result of ``fresh.py``. Raises ``NotMeasured``."""
    return _result([python, "-P", ROOT / "bench" / "engine_bench" / "fresh.py", engine, check], base_url)


def run_pauses() -> Any:
    """The result of ``pauses.py``, which is about our engine alone. Raises ``NotMeasured``."""
    return _result([sys.executable, "-m", "bench.engine_bench.pauses"], "")


def _result(command: list[Path | str], base_url: str) -> Any:
    with tempfile.TemporaryDirectory() as home:
        places = {"HOME": home, "OPENAI_BASE_URL": base_url, "OPENAI_API_BASE": base_url}
        try:
            done = subprocess.run(
                command,
                cwd=home,
                env={**os.environ, **QUIET, **LOCAL, **places},
                capture_output=True,
                text=True,
                timeout=CHILD_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotMeasured(f"not done in {CHILD_TIMEOUT_S} s") from error
    results = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not results:
        raise NotMeasured(done.stderr.strip()[-1500:] or done.stdout[-500:])
    return json.loads(results[-1].removeprefix(MARK))
