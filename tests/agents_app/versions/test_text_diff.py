"""Texts by word: the parts make up both texts, unchanged words stay, and no pair of texts takes more than the bound."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents_app.versions.text_diff import (
    ALL_STEPS,
    BY_LINE,
    TEXT_STEPS,
    WHOLE,
    Segment,
    Steps,
    list_diff,
    myers,
    text_diff,
)

TEXTS = st.text(alphabet="ab \n.é", max_size=60) | st.text(max_size=30)


def side(segments: tuple[Segment, ...], without: str) -> str:
    return "".join(text for kind, text in segments if kind != without)


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_the_parts_make_up_both_texts(old: str, new: str) -> None:
    diff = text_diff(old, new, Steps())
    assert side(diff.segments, "added") == old
    assert side(diff.segments, "removed") == new
    assert all(text for _, text in diff.segments)
    assert diff.note == ""


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_items_make_up_both_lists(old: str, new: str) -> None:
    diff = list_diff(old, new, Steps())
    assert side(diff.segments, "added") == f"{old}\n"
    assert side(diff.segments, "removed") == f"{new}\n"


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_as_much_is_the_same_as_can_be(a: list[int], b: list[int]) -> None:
    blocks = myers(a, b, Steps())
    assert blocks is not None
    assert all(a[x : x + length] == b[y : y + length] for x, y, length in blocks)
    assert sum(length for _, _, length in blocks) == longest_common(a, b)


def longest_common(a: list[int], b: list[int]) -> int:
    """The length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(b) + 1)
    for x in a:
        above = row[:]
        for place, y in enumerate(b, 1):
            row[place] = above[place - 1] + 1 if x == y else max(above[place], row[place - 1])
    return row[-1]


def test_only_the_words_that_changed_are_marked() -> None:
    diff = text_diff("Write three bullets about {topic}.", "Write five bullets on {topic}.", Steps())
    assert diff.segments == (
        ("same", "Write "),
        ("removed", "three"),
        ("added", "five"),
        ("same", " bullets "),
        ("removed", "about"),
        ("added", "on"),
        ("same", " {topic}."),
    )


def test_a_rewritten_sentence_is_not_kept_by_its_commas() -> None:
    diff = text_diff("First, read the news, slowly.", "Collect figures, prices, dates.", Steps())
    assert diff.segments == (
        ("removed", "First, read the news, slowly"),
        ("added", "Collect figures, prices, dates"),
        ("same", "."),
    )


def test_a_moved_item_is_one_line_out_and_one_in() -> None:
    assert list_diff("a\nb\nc", "b\nc\na", Steps()).segments == (
        ("removed", "a\n"),
        ("same", "b\nc\n"),
        ("added", "a\n"),
    )


def test_a_long_text_with_one_change_is_compared_by_word() -> None:
    text = "word " * 20_000
    diff = text_diff(f"{text}old {text}", f"{text}new {text}", Steps())
    assert diff.note == ""
    assert ("removed", "old") in diff.segments


def test_a_long_text_with_many_changed_words_is_compared_by_line() -> None:
    old = "".join(f"{n} {'x ' * 200}\n" for n in range(100))
    new = "".join(f"{n} {'y z ' * 200 if n % 2 else 'x ' * 200}\n" for n in range(100))
    diff = text_diff(old, new, Steps())
    assert diff.note == BY_LINE
    assert side(diff.segments, "added").removesuffix("\n") == old
    assert sum(text.count("\n") for kind, text in diff.segments if kind == "same") >= 50


def test_a_long_text_that_is_another_one_is_shown_whole() -> None:
    old, new = ("\n".join(f"{mark}{n}" for n in range(9_000)) for mark in "ab")
    assert text_diff(old, new, Steps()).segments == (("removed", old), ("added", new))
    assert text_diff(old, new, Steps()).note == WHOLE


class Counted(list[Any]):
    """A list that counts how often it is read."""

    reads = 0

    def __getitem__(self, place: Any) -> Any:
        self.reads += 1
        return super().__getitem__(place)


WORST = {
    "nothing in common": ([0] * 50_000, [1] * 50_000),
    "two words in turn": ([0, 1] * 25_000, [1, 0] * 25_000),
    "a few in many": ([0] * 50_000, [0] * 10 + [1] + [0] * 40_000),
    "all, in another order": (list(range(50_000)), list(range(50_000))[::-1]),
    "every other one": ([0, 1] * 25_000, [0, 2] * 25_000),
}


@pytest.mark.parametrize(("a", "b"), WORST.values(), ids=WORST.keys())
def test_no_pair_takes_more_than_the_bound(a: list[int], b: list[int]) -> None:
    """Two texts of 100,000 characters hold 50,000 words each: without a bound, they took 2,500,000,000 steps."""
    before, after, steps = Counted(a), Counted(b), Steps()
    myers(before, after, steps)
    most = TEXT_STEPS + max(len(a), len(b))  # the stretch that was under way when the bound was met
    assert max(before.reads, after.reads) <= most
    assert ALL_STEPS - steps.left <= most


def test_all_texts_of_a_comparison_share_one_bound() -> None:
    steps, old, new = Steps(), "x " * 2_000, "y z " * 2_000
    notes = [text_diff(f"{old}{n}", f"{new}{n}", steps).note for n in range(500)]
    assert steps.left == 0
    assert text_diff("a b", "a c", steps).note == WHOLE
    assert set(notes) == {WHOLE}
