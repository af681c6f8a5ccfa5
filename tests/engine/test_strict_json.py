"""JSON from outside means one thing, can be kept, and is refused with its place, in linear time."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.strict_json import MAX_CHARS, MAX_DEPTH, MAX_VALUES, JsonFault, read

kept = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**298), 10**298)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8", min_codepoint=1)), inner),
)


@given(kept)
def test_what_can_be_kept_comes_back_as_it_is(value: object) -> None:
    assert read(json.dumps(value)) == value
    assert read(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@pytest.mark.parametrize(
    ("text", "reason", "line", "column", "path"),
    [
        ('{"a": 1, "a": 2}', "the field 'a' is given twice in one object", 1, 10, "a"),
        ('{"b": [{"c": 1},\n  {"d": 0, "d": 1}]}', "the field 'd' is given twice in one object", 2, 12, "b.1.d"),
        ('{"m": {"x": NaN}}', "NaN is not a JSON number", 1, 13, "m.x"),
        ("[1,\n-Infinity]", "-Infinity is not a JSON number", 2, 1, "1"),
        ("[1e999]", "the number 1e999 is too large", 1, 2, "0"),
        (f"[{'9' * 301}]", f"the number {'9' * 20}… is too large", 1, 2, "0"),
        ('{"t": "a\\u0000"}', "a text holds a NUL character or half of a character", 1, 7, "t"),
        ('{"t\\ud800": 1}', "a text holds a NUL character or half of a character", 1, 2, "t\ufffd"),
        ('{"a": ["\\udc00"]}', "a text holds a NUL character or half of a character", 1, 8, "a.0"),
        ("[" * 100_000, f"it is nested more than {MAX_DEPTH} levels deep", 1, MAX_DEPTH + 2, ""),
        ("[" * 200 + "]" * 200, f"it is nested more than {MAX_DEPTH} levels deep", 1, MAX_DEPTH + 2, ""),
        ("{]", "expecting property name enclosed in double quotes", 1, 2, ""),
        ("", "expecting value", 1, 1, ""),
    ],
)
def test_what_cannot_is_refused_with_its_place(text: str, reason: str, line: int, column: int, path: str) -> None:
    with pytest.raises(JsonFault) as caught:
        read(text)
    fault = caught.value
    assert (fault.reason, fault.line, fault.column, fault.path) == (reason, line, column, path)


@pytest.mark.parametrize("source", [b"\xff", '["é"]'.encode("latin-1"), '["x"]'.encode("utf-16")])
def test_bytes_are_utf8(source: bytes) -> None:
    with pytest.raises(JsonFault, match=r"not UTF-8|expecting value"):
        read(source)


def test_its_size_has_an_end() -> None:
    with pytest.raises(JsonFault, match="at most 4,000,000 are read"):
        read(" " * (MAX_CHARS + 1))
    with pytest.raises(JsonFault, match="more than 200,000 values"):
        read(f"[{'{},' * MAX_VALUES}0]")
    assert len(read(json.dumps({"text": "a,[{" * 900_000}))["text"]) == 3_600_000  # a long text is one value


def test_a_pair_of_escapes_is_one_character() -> None:
    assert read('"\\ud83d\\ude00"') == "😀"


@given(st.text(st.sampled_from('{}[],:"\\au0dNnI1e9. \n'), max_size=60) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = read(text)
    except JsonFault:
        return
    assert json.loads(text) == value or (isinstance(value, float) and math.isnan(value))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 90 + "NaN" + "}" * 90,
        "[" + "0," * 199_000 + "NaN]",
        "{" + ",".join(f'"k{number}":1' for number in range(99_000)) + ',"k0":1}',
        '["' + "\\\\" * 1_900_000 + '", NaN]',
        "\n" * 3_000_000 + "[NaN]",
        '"' * 3_999_999,
        "9" * 3_999_999,
        "[" + '"",' * 190_000 + '"\\ud800"]',
        '{"a":"' + '\\",' * 250_000,
        '"' + '\\"[' * 1_000_000,
    ],
    ids=range(10),
)
def test_no_refusal_takes_long(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(JsonFault):
        read(text)
    assert time.thread_time() - began < 5
