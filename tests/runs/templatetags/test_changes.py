"""Differences on pages: with a direction, and in the digits of the amounts that they are between."""

from __future__ import annotations

import pytest
from django.utils.html import strip_tags

from runs.templatetags.changes import signed_usd
from runs.templatetags.money import usd


@pytest.mark.parametrize("nusd", [1, 123_000, 10_000_000, 1_790_600_000, 1_234_567_890_000])
def test_a_difference_to_nothing_reads_as_the_amount_does(nusd: int) -> None:
    assert strip_tags(signed_usd(nusd)) == f"+{strip_tags(usd(nusd))}"
    assert strip_tags(signed_usd(-nusd)) == f"−{strip_tags(usd(nusd))}"
