"""Times read well."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from runs.templatetags.times import moment, took


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "–"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (99_949, "99.9 s"),
        (99_960, "1 min 40 s"),
        (119_600, "2 min 00 s"),
        (7_200_000, "2 h 00 min"),
    ],
)
def test_durations_read_well(milliseconds: int | None, shown: str) -> None:
    assert took(milliseconds) == shown


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        ({"seconds": 2}, "just now"),
        ({"seconds": 42}, "42 s ago"),
        ({"minutes": 3}, "3 min ago"),
        ({"hours": 5}, "5 h ago"),
    ],
)
def test_moments_say_how_long_ago_and_when_exactly(ago: dict[str, int], shown: str) -> None:
    when = timezone.now() - timedelta(**ago)
    html = moment(when)
    assert strip_tags(html) == shown
    assert f"{when:%Y-%m-%d %H:%M:%S} UTC" in html
