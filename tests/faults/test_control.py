"""The control: without leases and epochs the same scenarios must fail, else they would prove nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.faults.nursery import ROOT

RED = (
    "test_doorbell.py::test_messages_that_are_repeated_run_each_run_once",
    "test_database.py::test_postgresql_that_crashes_under_20_runs_loses_nothing_that_was_committed",
    "test_stop_worker.py::test_a_worker_frozen_beyond_its_lease_books_its_bill_and_writes_nothing_else",
    "test_stop_worker.py::test_sigterm_under_20_runs_settles_what_is_in_flight_and_loses_nothing",
)
GREEN = "test_provider.py::test_a_cycle_in_the_context_is_refused_before_anything_is_spent"
"""It needs the processes and nothing that the switch takes away: the others are red for no lack of these."""


@pytest.mark.slow_fault
def test_without_fencing_the_scenarios_go_red(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    names = [f"tests/faults/{name}" for name in (*RED, GREEN)]
    command = [sys.executable, "-m", "pytest", *names, f"--junitxml={report}"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"FENCING": "off"}, capture_output=True, text=True, timeout=350, check=False
    )
    cases = ElementTree.parse(report).findall(".//testcase")  # our own pytest wrote it
    green = [case.get("name") for case in cases if case.find("failure") is None and case.find("error") is None]
    assert len(cases) == len(RED) + 1, done.stdout
    assert green == [GREEN.partition("::")[2]], done.stdout
