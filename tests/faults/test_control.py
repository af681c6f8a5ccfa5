"""The control: without leases and epochs the same scenarios must fail, else they would prove nothing.

They are such as hold calls open until every worker has had its choice of the runs, so that they fail on any machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.faults.nursery import ROOT
from tests.faults.people import MADE_AGAIN

OF_FENCING = "one_ok_per_step|no_call_after_ok|call_epoch|fenced_answer"
"""The invariants that hold by leases and epochs."""
GIVEN_UP = r"ended as \('failed', '(internal_error|poison)'\)"
TAKEN_AWAY = rf"\[\('(ok|unknown)', 1\)|assert 'failed' == 'succeeded'|{GIVEN_UP}|AssertionError: ({OF_FENCING}):"
"""The frozen worker's answer was taken as if the run were still its own, or two workers' calls of one step were both
counted, or the database refused the second, or workers took the run from each other until it was given up."""
RED = {
    "test_doorbell.py::test_messages_that_are_repeated_run_each_run_once": MADE_AGAIN,
    "test_database.py::test_postgresql_that_crashes_under_20_calls_in_flight_lets_nobody_make_them_again": MADE_AGAIN,
    "test_stop_worker.py::test_sigterm_under_20_runs_settles_what_is_in_flight_and_loses_nothing": MADE_AGAIN,
    "test_stop_worker.py::test_a_worker_frozen_beyond_its_lease_books_its_bill_and_writes_nothing_else": TAKEN_AWAY,
}
"""Each with what its failure says, so that one for want of time or of a process is not taken for red."""
GREEN = "test_provider.py::test_a_cycle_in_the_context_is_refused_before_anything_is_spent"
"""It needs the processes and nothing that the switch takes away."""


@pytest.mark.slow_fault
def test_without_fencing_the_scenarios_go_red(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", *(f"tests/faults/{name}" for name in (*RED, GREEN))]
    environment = os.environ | {"FENCING": "off"}
    done = subprocess.run(
        [*command, f"--junitxml={report}"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    said = {
        case.get("name"): case.findtext("failure") or case.findtext("error") or ""
        for case in ElementTree.parse(report).findall(".//testcase")  # our own pytest wrote it
    }
    assert said.pop(GREEN.partition("::")[2]) == "", done.stdout
    for name, reason in RED.items():
        assert re.search(reason, said.pop(name.partition("::")[2])), done.stdout
    assert said == {}
