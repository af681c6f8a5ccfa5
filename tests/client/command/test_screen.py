"""What reaches the terminal of texts that models wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from crewsite_client import answers
from crewsite_client.command import settings
from crewsite_client.command.figures import about, counted, moment, span, usd
from crewsite_client.command.screen import Screen, clean, one_line
from tests.application import ROOT
from tests.client.answering import Answer, Answering, sample

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m\x08\r\u202eevil\u2066\u200e\ufeff\x7f\U000e0041"
KEPT = "Ünï – “quotes” 日本語 ✓ می\u200cخواهم 👩\u200d💻\ttab\nline"


def test_only_letters_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(KEPT) == KEPT
    assert clean("a\r\nb") == "a\nb"
    screen = Screen(as_json=False)
    screen.text(HOSTILE)
    screen.say(HOSTILE)
    screen.table(["", HOSTILE[:3]], [[HOSTILE, "[red]markup[/red] :smile:"]])
    screen.pairs([(HOSTILE, HOSTILE)])
    screen.document({HOSTILE: HOSTILE})
    printed = capsys.readouterr()
    told = printed.out + printed.err
    assert not [sign for sign in told if not (sign.isprintable() or sign == "\n")]
    assert "evil" in told
    assert "[red]markup[/red] :smile:" in told
    screen.document({"a": HOSTILE})
    assert json.loads(capsys.readouterr().out) == {"a": HOSTILE}


def test_columns_that_have_no_room_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    row = ["01a22bdc-3da0-74c2-8f15-3f479605c30c", "a-crew-with-a-name@12 ~", "2026-11-30 09:51", "$0.000447", "772"]
    heads = ["run", "crew", "launched (UTC)", "cost", "tokens"]
    Screen(as_json=False).table(heads, [row], right=(2, 3, 4), spare=(4, 2))
    told = capsys.readouterr().out
    assert told.split("\n")[0].split() == ["run", "crew", "cost"]
    assert "…" not in told
    monkeypatch.setenv("COLUMNS", "200")
    Screen(as_json=False).table(heads, [row], right=(2, 3, 4), spare=(4, 2))
    assert "tokens" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "40")
    Screen(as_json=False).pairs([("page", "https://crews.example.com/" + "x" * 60)])
    assert capsys.readouterr().out.count("x") == 61


@pytest.mark.parametrize(("where", "code"), [("pipe", 141), ("full", 2)])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_nobody_reads_on(where: str, code: int, more: list[str]) -> None:
    """As of ``| head``, and of a disk without room; a real process, since it ends by what the system says."""
    runs = [sample(answers.RunSummary, crew="x" * 90) for _ in range(500)]
    with Answering(Answer(body={"items": runs, "next": None})) as server:
        env = os.environ | {settings.URL: server.url, settings.TOKEN: "crw_token", "PYTHONPATH": str(ROOT / "client")}
        reader, writer = os.pipe() if where == "pipe" else (None, os.open("/dev/full", os.O_WRONLY))
        if reader is not None:
            os.close(reader)
        command = [sys.executable, "-m", "crewsite_client", "runs", "-n", "500", *more]
        done = subprocess.run(
            command, env=env, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
        os.close(writer)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("No space left" in done.stderr) == (where == "full")


def test_streams_that_are_closed_go_nowhere() -> None:
    """As of programs that are begun without any."""
    with Answering(Answer(body={"items": [], "next": None})) as server:
        env = os.environ | {settings.URL: server.url, settings.TOKEN: "crw_token", "PYTHONPATH": str(ROOT / "client")}
        closed = 'exec "$0" -m crewsite_client runs <&- >&- 2>&-'
        done = subprocess.run(["sh", "-c", closed, sys.executable], env=env, timeout=60, check=False)
        assert (done.returncode, len(server.asked)) == (0, 1)


def test_a_line_stays_one_and_short() -> None:
    assert one_line("a\n\n b\tc") == "a b c"
    assert one_line("x" * 300) == "x" * 199 + "…"


def test_figures_are_written_as_people_read_them() -> None:
    assert [usd(one) for one in (None, "0", "0.000123456", "0.05", "1234.5", "-0.5")] == [
        "?",
        "$0",
        "$0.000123",
        "$0.0500",
        "$1,234.50",
        "-$0.500",
    ]
    assert [usd(one, signed=True) for one in ("0.5", "-0.5", "0")] == ["+$0.500", "-$0.500", "$0"]
    assert [span(one) for one in (None, 0, 1234, 59_900, 61_000, 3_723_000)] == [
        "–",
        "0.00 s",
        "1.23 s",
        "59.9 s",
        "1 min 01 s",
        "1 h 02 min",
    ]
    assert (about(8_140), about(100), about(90_000)) == ("8 s", "1 s", "1 min 30 s")
    assert (counted(1, "row"), counted(1200, "row"), counted(2, "entry", "entries")) == (
        "1 row",
        "1,200 rows",
        "2 entries",
    )
    assert moment("2026-11-30T06:00:01.5Z") == "2026-11-30 06:00"
