from __future__ import annotations

import json

import pytest

from engine.text import is_storable, json_text, read_json, storable, storable_json

EMOJI_AS_SURROGATES = "\ud83d\ude00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünïcode, 😀", "plain, ünïcode, 😀"),
        ("a\x00b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        (f"a{EMOJI_AS_SURROGATES}b", "a😀b"),
        ("\udfff\x00", "\ufffd\ufffd"),
    ],
)
def test_nuls_and_lone_surrogates_are_replaced(text: str, expected: str) -> None:
    assert storable(text) == expected
    assert is_storable(text) == (text == expected)


@pytest.mark.parametrize(("nul", "expected"), [("", "ab\ufffd"), (" ", "a b\ufffd")])
def test_the_caller_chooses_what_a_nul_becomes(nul: str, expected: str) -> None:
    assert storable("a\x00b\ud800", nul=nul) == expected


def test_json_is_made_storable_in_keys_and_values() -> None:
    assert storable_json({"a\x00": ["\ud800", ("b\x00", 1)], 2: None}) == {
        "a\ufffd": ["\ufffd", ["b\ufffd", 1]],
        "2": None,
    }


@pytest.mark.parametrize("value", [{"a": "😀"}, {"a\x00": "b\ud800"}, ["\\u0000"], "\ud800"])
def test_json_text_is_storable_and_means_the_same(value: object) -> None:
    text = json_text(value)
    assert is_storable(text)
    assert "\x00" not in json.dumps(json.loads(text), ensure_ascii=False)
    assert json.loads(text) == storable_json(value)


def test_json_that_was_read_is_storable() -> None:
    assert read_json('{"a\\u0000": "b\\ud800"}') == {"a\ufffd": "b\ufffd"}


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e999", "[" * 100_000, "{", ""])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_json(text)
