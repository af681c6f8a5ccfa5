"""How the filters of groups are called above their figures."""

from __future__ import annotations

import pytest

from runs.compare.words import filter_label

OF_OCTOBER = "simulated:yes since:2026-10-01T00:00Z until:2026-11-01T00:00Z"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (OF_OCTOBER, "1 Oct to 31 Oct"),
        (f"crew:=support version:3 {OF_OCTOBER}", "1 Oct to 31 Oct, support v3"),
        (
            "model:=gpt-4o simulated:no since:2026-10-01T05:00Z until:2026-10-08T05:00Z",
            "1 Oct 05:00 to 8 Oct 05:00, gpt-4o",
        ),
        (f"tag:a {OF_OCTOBER}", f"tag:a {OF_OCTOBER}"),
        ("simulated:no since:7dZ until:1dZ", "simulated:no since:7dZ until:1dZ"),
        ("", ""),
    ],
)
def test_a_period_is_named_by_its_days_and_any_other_filter_as_it_was_typed(text: str, label: str) -> None:
    assert filter_label(text) == label
