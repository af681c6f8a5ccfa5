"""Texts that drawings and tables cut."""

from __future__ import annotations

import pytest
from django.template.defaultfilters import truncatechars

from runs.run.drawing.text import truncated


@pytest.mark.parametrize(
    "text", ["", "short", "just fits.", "eleven char", "x" * 500, "e\u0301" * 12, "日本語" * 9, "ends in…."]
)
def test_a_cut_text_is_what_djangos_own_filter_makes_of_it(text: str) -> None:
    assert truncated(text, 10) == truncatechars(text, 10)
