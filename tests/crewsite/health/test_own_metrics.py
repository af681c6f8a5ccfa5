"""Figures of several web processes together: those that live count, whatever the system has instead of /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crewsite.health import own_metrics


def test_the_gauges_of_ended_processes_alone_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    files = {process: tmp_path / f"gauge_livesum_{process}.db" for process in (os.getpid(), ended.pid)}
    for file in files.values():
        file.touch()
    monkeypatch.setattr(Path, "exists", lambda path: False)  # as of /proc on macOS
    own_metrics._forget_ended(tmp_path)
    assert os.listdir(tmp_path) == [files[os.getpid()].name]
