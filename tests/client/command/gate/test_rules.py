"""When the gate is shut, open, or cannot tell; and the interval of two rates."""

from __future__ import annotations

from decimal import Decimal
from math import comb
from typing import Any

import pytest

from crewsite_client.answers import Column, Interval
from crewsite_client.command.gate.report import Report, plain
from crewsite_client.command.gate.rules import Limits, Side, drop_interval, findings, verdict_of

OFF = Limits(None, None, None, None)
COST = Limits(Decimal("0.1"), None, None, None)


def side(
    *,
    counted: int = 20,
    succeeded: int | None = None,
    usd: str = "1",
    ends: tuple[Any, Any] | None = None,
    stars: float | None = None,
) -> Side:
    """``ends`` are of all its intervals."""
    interval: Interval | None = None
    if ends is not None:
        interval = {"low": ends[0], "high": ends[1], "clear": True, "more_runs": None}
    column: Column = {
        "id": "x",
        "label": "support@1",
        "kind": "group",
        "runs": counted,
        "simulated": False,
        "cost_usd": usd,
        "duration_ms": 1000,
        "unpriced_calls": 0,
        "waste_usd": "0",
        "rating": None if stars is None else {"mean": stars, "count": counted, "interval": interval},
        "cost": {"runs": counted, "median": usd, "p95": usd, "interval": interval},
        "duration": None,
        "notes": [],
    }
    return Side("support@1", column, counted, counted if succeeded is None else succeeded)


@pytest.mark.parametrize(
    ("usd", "ends", "verdict", "more"),
    [
        ("1.3", ("0.2", "0.4"), "worse", None),
        ("1.3", ("0.1000001", "0.5"), "worse", None),
        ("1.3", ("0.1", "0.5"), "unclear", 1),  # all but certain
        ("1.05", ("-0.05", "0.1"), "within", None),
        ("0.5", ("-0.6", "-0.4"), "within", None),
        ("1.0", ("-0.2", "0.2"), "unclear", 60),  # half as wide: four times as many
        ("1.2", ("-0.2", "0.4"), "unclear", 300),
        ("1.1", ("0", "0.2"), "unclear", None),  # at the limit itself nothing settles it
        ("1.3", (None, None), "unclear", None),
    ],
)
def test_cost_is_judged_by_its_interval(usd: str, ends: tuple[Any, Any], verdict: str, more: int | None) -> None:
    (found,) = findings(side(), side(usd=usd, ends=ends), COST)
    assert (found.measure, found.verdict, found.more_runs) == ("cost", verdict, more)


def test_few_runs_and_none_are_no_verdict() -> None:
    (few,) = findings(side(counted=4), side(counted=9, ends=(None, None)), COST)
    assert (few.verdict, few.more_runs, few.runs) == ("unclear", 2, (4, 9))
    none = findings(side(), side(), Limits(None, Decimal("0.2"), None, Decimal("0.5")))
    assert [(one.verdict, one.why) for one in none] == [
        ("unclear", "no run has ended"),
        ("unclear", "a side is not rated"),
    ]
    assert findings(side(), side(), OFF) == []


def test_ratings_are_worse_where_they_fall() -> None:
    limits = Limits(None, None, None, Decimal("0.5"))
    for ends, verdict in (
        ((-1.2, -0.6), "worse"),
        ((-0.4, 0.6), "within"),
        ((-0.7, 0.2), "unclear"),
        ((0.1, 0.9), "within"),
    ):
        (found,) = findings(side(stars=4), side(stars=3.5, ends=ends), limits)
        assert (found.verdict, found.worse_by, found.low) == (verdict, 0.5, -ends[1])


def test_success_needs_so_many_runs() -> None:
    limits = Limits(None, None, Decimal("0.1"), None)
    for baseline, version, verdict in (((20, 20), (20, 2), "worse"), ((20, 20), (20, 20), "unclear")):
        (found,) = findings(*(side(counted=of, succeeded=good) for of, good in (baseline, version)), limits)
        assert found.verdict == verdict
    assert found.more_runs == 15
    (enough,) = findings(side(counted=35), side(counted=35), limits)
    (one_less,) = findings(side(counted=34), side(counted=34), limits)
    assert (enough.verdict, one_less.verdict, one_less.more_runs) == ("within", "unclear", 1)


def test_the_interval_of_two_rates_holds_the_true_difference() -> None:
    """Over all that can be seen of 20 and 30 runs, each as likely as it is."""
    for before, now in ((0.95, 0.8), (0.9, 0.9), (0.5, 0.3), (1.0, 0.9)):
        held = 0.0
        for good in range(21):
            for good_now in range(31):
                low, high = drop_interval(good, 20, good_now, 30)
                assert -1 <= low <= good / 20 - good_now / 30 <= high <= 1
                if low <= before - now <= high:
                    held += chance(good, 20, before) * chance(good_now, 30, now)
        assert held > 0.94


def chance(good: int, of: int, rate: float) -> float:
    return comb(of, good) * rate**good * (1 - rate) ** (of - good)


def test_one_measure_that_is_worse_shuts_the_gate() -> None:
    found = findings(side(), side(usd="2", ends=("0.9", "1.1")), Limits(Decimal("0.1"), Decimal("0.2"), None, None))
    assert {one.verdict for one in found} == {"worse", "unclear"}
    assert verdict_of(found) == "worse"
    assert verdict_of(found[1:]) == "unclear"


def test_a_report_says_figures_and_obeys_no_name_in_it() -> None:
    evil = "@everyone <img src=x> [a](http://x) `c` | **b** #12 www.example.com \x1b[31m"
    report = Report(
        side(), side(usd="2", ends=("0.9", "1.1")), findings(side(), side(usd="2", ends=("0.9", "1.1")), COST), evil
    )
    text = report.markdown()
    assert "| cost, median | $1.00 | $2.00 | +$1.00 | +$0.900 … +$1.10 | +$0.100 | **worse** |" in text
    assert "20 runs against 20" in text
    assert (
        "Why: @\u2060everyone \\<img src=x\\> \\[a\\](http:/\\/x) \\`c\\` \\| \\*\\*b\\*\\* #\u206012 www\\.example.com"
        in text
    )
    assert "\x1b" not in text
    assert plain("a_b\nc & d") == "a\\_b c &amp; d"
    unclear = Report(side(), side(ends=(None, None)), findings(side(), side(counted=2, ends=(None, None)), COST), "")
    assert "- cost, median: 20 and 2 runs are not enough to tell; about 4 more of each would be" in unclear.markdown()
    assert unclear.as_json()["more_runs"] == 4
