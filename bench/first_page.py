"""Cold start after install, second start and memory at rest of the whole application, measured in one run.

Usage: .venv/bin/python bench/first_page.py
"""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.application import Application

GOAL_S = 5.0
GOAL_MB = 500.0
REST_S = 5.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        cold_s, cold = started(data)
        cold.stop()
        again_s, again = started(data)
        time.sleep(REST_S)
        memory = memory_mb(again)
        again.stop()
    print(f"{'':28}{'measured':>10}{'goal':>8}")
    print(f"{'first start after install':28}{cold_s:>8.1f} s{'':>8}")
    print(f"{'second start to first page':28}{again_s:>8.1f} s{GOAL_S:>6.0f} s")
    print(f"{'second / first':28}{again_s / cold_s:>10.2f}")
    for name, megabytes in memory.items():
        print(f"{'memory at rest, ' + name:28}{megabytes:>7.0f} MB")
    print(f"{'memory at rest, in all':28}{sum(memory.values()):>7.0f} MB{GOAL_MB:>5.0f} MB")


def started(data: Path) -> tuple[float, Application]:
    """Seconds from the command to the first page behind the printed link."""
    began = time.monotonic()
    application = Application(data, PLAIN_STATIC="0")
    urllib.request.urlopen(application.link, timeout=30).read()
    return time.monotonic() - began, application


def memory_mb(application: Application) -> dict[str, float]:
    """Proportional set size by part: shared pages are counted once."""
    launcher = psutil.Process(application.process.pid)
    parts: dict[str, float] = {"launcher": megabytes(launcher)}
    for process in launcher.children(recursive=True):
        command = " ".join(process.cmdline())
        name = "web" if "crewsite.serving" in command else "worker" if "manage.py" in command else "PostgreSQL"
        parts[name] = parts.get(name, 0.0) + megabytes(process)
    return parts


def megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1e6
    except (psutil.NoSuchProcess, AttributeError):
        return 0.0


if __name__ == "__main__":
    main()
