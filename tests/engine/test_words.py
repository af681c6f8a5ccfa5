"""Numbers of things, and names in Latin letters."""

from __future__ import annotations

import pytest

from engine.text import counted, latin


@pytest.mark.parametrize(("number", "text"), [(0, "0 words"), (1, "1 word"), (2, "2 words"), (1234, "1,234 words")])
def test_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "word") == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Support crew", "Support crew"),
        ("Ärzte für Größe", "Arzte fur Grosse"),
        ("客户支持", "Ke Hu Zhi Chi"),
        ("AI客服 v2", "AI Ke Fu v2"),
        ("Поддержка", "Podderzhka"),
        ("고객 지원", "Go Gaeg Ji Won"),
        ("Υποστήριξη", "Ypostirixi"),
    ],
)
def test_names_are_written_in_latin_letters(name: str, text: str) -> None:
    assert latin(name) == text
