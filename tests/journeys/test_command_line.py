"""The command line beside the running application: a run, a batch and a gate, carried out by its workers."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.application import ROOT, Application
from tests.cast import brief_spec

SECONDS = 240


class Terminal:
    def __init__(self, application: Application, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "CREWSITE_URL": application.url,
            "CREWSITE_TOKEN": application.token,
            "PYTHONPATH": str(ROOT / "client"),
            "TERM": "xterm-256color",
            "COLUMNS": "120",
        }

    def types(self, *words: str, code: int = 0) -> str:
        """What it prints as its answer."""
        command = [sys.executable, "-m", "crewsite_client", *words]
        environment, folder = self.environment, self.folder
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def sees(self, *words: str) -> str:
        """What somebody at a terminal sees of it, with all that moves the cursor."""
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "crewsite_client", *words]
        process = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(ours)
        assert process.wait(timeout=SECONDS) == 0, seen.decode()
        return seen.decode()


@pytest.fixture
def terminal(application: Application, tmp_path: Path) -> Terminal:
    return Terminal(application, tmp_path)


def test_a_run_a_batch_and_a_gate_from_a_terminal(terminal: Terminal) -> None:
    folder = terminal.folder
    (folder / "crew.json").write_text(brief_spec().model_copy(update={"name": "By hand"}).model_dump_json())
    crew = json.loads(terminal.types("import", "crew.json", "--json"))["crew"]["slug"]
    seen = terminal.sees("launch", crew, "-i", "company=Acme", "--wait")
    assert "3 of 3 tasks" in seen
    assert f"{crew}@1" in seen
    (folder / "rows.csv").write_text("company\nAcme\nInitech\nHooli\nGlobex\nUmbrella\nStark\n")
    terminal.types("batch", crew, "rows.csv", "--results", "results.csv")
    with (folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["company"] for row in rows] == ["Acme", "Initech", "Hooli", "Globex", "Umbrella", "Stark"]
    assert {row["status"] for row in rows} == {"succeeded"}
    assert all(row["output"] for row in rows)
    dearer = brief_spec(model="gpt-4o").model_copy(update={"name": "By hand"}).model_dump_json()
    (folder / "crew.json").write_text(dearer)
    version = terminal.types("import", "crew.json", "--into", crew, "--save", "Dearer").strip()
    gate = ("gate", version, "--data", "rows.csv", "--runs", "7", "--max-time", "off", "--max-drop", "off")
    found = json.loads(terminal.types(*gate, "--report", "report.md", "--json", code=1))
    (cost,) = found["findings"]
    assert (found["verdict"], cost["runs"]) == ("worse", [7, 7])
    assert f"### Crewsite: {version} is worse than {crew}@1" in (folder / "report.md").read_text().replace("\u2060", "")
    terminal.types("gate", f"{crew}@1", "--baseline", version, "--max-time", "off", "--max-drop", "off")
