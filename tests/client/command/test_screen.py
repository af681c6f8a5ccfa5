"""What reaches the terminal of texts that models wrote."""

from __future__ import annotations

import json

import pytest

from crewsite_client.command.figures import about, counted, moment, span, usd
from crewsite_client.command.screen import Screen, clean, one_line

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
