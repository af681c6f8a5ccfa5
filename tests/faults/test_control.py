"""The control: without leases and epochs the same scenarios must fail, else they would prove nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.faults.nursery import ROOT

SCENARIOS = (
    "test_doorbell.py::test_messages_repeated_and_reordered_run_each_run_once",
    "test_stop_worker.py::test_a_worker_frozen_beyond_its_lease_books_its_bill_and_writes_nothing_else",
    "test_stop_worker.py::test_sigterm_under_20_runs_settles_what_is_in_flight_and_loses_nothing",
)


@pytest.mark.slow_fault
def test_without_fencing_the_scenarios_go_red(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    names = [f"tests/faults/{name}" for name in SCENARIOS]
    command = [sys.executable, "-m", "pytest", *names, f"--junitxml={report}"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"FENCING": "off"}, capture_output=True, text=True, timeout=350, check=False
    )
    cases = ElementTree.parse(report).findall(".//testcase")  # our own pytest wrote it
    green = [case.get("name") for case in cases if case.find("failure") is None]
    assert len(cases) == len(SCENARIOS), done.stdout
    assert green == [], done.stdout
