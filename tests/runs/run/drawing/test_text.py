"""Texts of drawings."""

from __future__ import annotations

from runs.run.drawing.text import words_of


def test_a_glance_shows_words_without_marks() -> None:
    text = "**Bees**, in `short`\n\n## What they *do*\n> 2 * 3\n- fly_home\n  * and # back\n#not-a-heading"
    assert words_of(text) == "Bees, in short What they *do* 2 * 3 fly_home and # back #not-a-heading"
