"""The bell is the one door to the workers: a process that only rings loads nothing of what a worker runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOADED_BY_THE_WEB = """
import sys, django
django.setup()
import crewsite.urls
from runs.worker.bell import ring
print(*sorted(sys.modules))
"""
OF_WORKERS = ("runs.worker.execution", "runs.worker.process", "runs.worker.runtime", "engine.crew.", "litellm")


def test_a_web_process_does_not_load_what_a_worker_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY_THE_WEB], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "runs.worker.bell" in loaded
    assert [module for module in loaded if module.startswith(OF_WORKERS)] == []
