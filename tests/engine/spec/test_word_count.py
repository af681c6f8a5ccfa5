"""Words by Unicode's rules, in languages with blanks between words and without."""

from __future__ import annotations

import pytest

from engine import bounded
from engine.spec.word_count import words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("— … !", 0),
        ("Don't stop: it's 3.14.", 4),
        ("e-mail", 2),
        ("我们今天去北京大学上课。", 6),
        ("ฉันไปโรงเรียนทุกวัน", 5),
        ("안녕하세요 여러분", 2),
        ("मैं स्कूल जाता हूँ।", 4),
        ("أنا أذهب إلى المدرسة", 4),
        ("👩‍👩‍👧 hi 🇩🇪", 1),
    ],
)
def test_words_are_counted_in_each_language(text: str, count: int) -> None:
    assert words(text) == count


def test_japanese_is_cut_where_it_has_no_blanks() -> None:
    assert 5 <= words("私は東京タワーに行きました。") <= 8


def test_a_megabyte_is_counted_within_the_bounds() -> None:
    text = "我们今天去北京大学上课。" * 80_000
    assert bounded.run_here("engine.spec.word_count:words", text) == 480_000
