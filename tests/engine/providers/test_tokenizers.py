"""Which tokenizers are known here, and that they count as OpenAI's do, from the files in the package."""

from __future__ import annotations

import pytest

from engine.providers.tokenizers import PART_CHARS, count_with, tokenizer_of


@pytest.mark.parametrize(
    ("model", "tokenizer"),
    [
        ("gpt-4o", "o200k_base"),
        ("openai/gpt-4.1-mini", "o200k_base"),
        ("simulated/gpt-4o-mini", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("ft:gpt-3.5-turbo:acme::1", "cl100k_base"),
        ("claude-opus-4-5", None),
        ("azure/gpt-4o", None),  # a deployment's name is free
        ("openai/acme-7b", None),
        ("acme-7b", None),
    ],
)
def test_a_tokenizer_is_known_or_not(model: str, tokenizer: str | None) -> None:
    assert tokenizer_of(model) == tokenizer


def test_the_two_count_differently_and_any_text_is_counted() -> None:
    text = "Was kostet das? 料金はいくらですか。"
    assert count_with("cl100k_base", "Hello there") == count_with("o200k_base", "Hello there") == 2
    assert count_with("cl100k_base", text) > count_with("o200k_base", text)
    assert count_with("o200k_base", "\ud800") > 0
    assert count_with("o200k_base", "x" * (2 * PART_CHARS)) > 0
    assert count_with("o200k_base", "") == 0
