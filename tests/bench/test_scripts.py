"""The benchmarks can be started: each script loads what it measures, in a process without Crewsite's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import TEST_ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "bench").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_is_loaded(script: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in TEST_ENVIRONMENT}
    load = f"import runpy; runpy.run_path('bench/{script}', run_name='loaded')"
    done = subprocess.run(
        [sys.executable, "-c", load], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
