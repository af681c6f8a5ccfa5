"""A process of tests that crashes loses its one test, and the run comes to its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CRASH = "def test_crash():\n    os.kill(os.getpid(), 11)\n"
ONE = "def test_one():\n    time.sleep(0.05)\n"


def run_of(folder: Path, files: dict[str, str]) -> str:
    """The closing line of a run on two processes."""
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(f"import os\nimport time\n\n{text}")
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.shares", "-p", "no:django"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "-p", "no:schemathesis", str(folder)],
        check=False,
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    (last,) = re.findall(r"^.*\d+ (?:passed|failed).*$", done.stdout, re.MULTILINE) or [done.stdout + done.stderr]
    return re.sub(r" in .*", "", last)


@pytest.mark.parametrize("place", ["first", "last"])
def test_what_a_crashed_process_has_left_is_done_once(tmp_path: Path, place: str) -> None:
    others = {f"{letter}_other": ONE for letter in "bcdefgh"}
    crashing = {("a" if place == "first" else "z"): f"{ONE}\n{CRASH}\ndef test_after():\n    pass\n"}
    assert run_of(tmp_path, {**others, **crashing}) == "1 failed, 9 passed"


def test_a_process_in_place_of_a_crashed_one_does_a_single_test(tmp_path: Path) -> None:
    assert run_of(tmp_path, {"a": CRASH, "b": ONE}) == "1 failed, 1 passed"
