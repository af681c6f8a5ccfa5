"""The seconds of a simulated model: by the tier that its name says."""

from __future__ import annotations

import pytest

from engine.simulated.speed import LARGE, SLOW, SMALL, Speed, in_words, speed_of

TIERS = {
    SMALL: (
        "gpt-4o-mini openai/gpt-4.1-nano simulated/gpt-4o-mini o4-mini gpt-3.5-turbo claude-3-5-haiku-latest "
        "gemini/gemini-2.5-flash gemini-2.0-flash-lite mistral-small-latest ministral-8b-latest"
    ),
    LARGE: "gpt-4o gpt-4.1 openai/gpt-4o-2024-11-20 claude-sonnet-4-5 google/gemini-2.5-pro mistral-large-latest any",
    SLOW: "gpt-4 gpt-4-turbo gpt-4-0613 gpt-4.5-preview claude-opus-4-1 o1 o3",
}


@pytest.mark.parametrize(("model", "speed"), [(name, tier) for tier, names in TIERS.items() for name in names.split()])
def test_a_model_has_the_speed_of_its_tier(model: str, speed: Speed) -> None:
    assert speed_of(model) is speed


def test_a_larger_model_starts_later_and_writes_more_slowly() -> None:
    assert SMALL.first_token_s < LARGE.first_token_s < SLOW.first_token_s
    assert SMALL.tokens_per_s > LARGE.tokens_per_s > SLOW.tokens_per_s
    assert LARGE.seconds(800) == pytest.approx(10.5)


def test_people_are_told_the_figures_and_where_they_come_from() -> None:
    assert in_words(1).endswith(
        "by figures published in 2025 and 2026: 0.3 to 0.9 s until the first token, then tokens a second: "
        "100 (small models), 80 (large), 40 (the slowest)."
    )
    assert in_words(0.5).endswith("All of it is done in 0.5 of that time here.")
    assert "say nothing" in in_words(0)
