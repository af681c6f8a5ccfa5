"""Logs of ``make up`` have a size: what is written after it goes on at the beginning."""

from __future__ import annotations

from pathlib import Path

import pytest

from crewsite.local import bounded_logs


def test_a_long_log_is_put_aside_and_goes_on_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_logs, "MAX_BYTES", 10)
    log, short = tmp_path / "web.log", tmp_path / "worker.log"
    short.write_text("short")
    with log.open("ab", buffering=0) as process:
        process.write(b"a line that is long\n")
        bounded_logs.keep_small([log, short, tmp_path / "none.log"])
        process.write(b"next\n")
    assert log.read_text() == "next\n"
    assert bounded_logs.earlier(log).read_text() == "a line that is long\n"
    assert short.read_text() == "short"
