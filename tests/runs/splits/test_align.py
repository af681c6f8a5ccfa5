"""Tasks of two versions side by side: by key, by likeness, and as people chose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runs.splits.align import Pair, TaskText, aligned

FIGURES = TaskText("figures", "Figures", "Collect the figures of {company} from its reports.", "finance")
NEWS = TaskText("news", "News", "Collect the headlines about {company}.", "news")
BRIEF = TaskText("brief", "Brief", "Write a brief on {company} for an investor.", "lead")


def test_the_same_keys_belong_together_whatever_else_changed() -> None:
    changed = TaskText("figures", "Other", "Something else", "lead")
    assert aligned([FIGURES, BRIEF], [BRIEF, changed], {}) == [
        Pair("figures", "figures", "key"),
        Pair("brief", "brief", "key"),
    ]


def test_a_renamed_task_is_guessed_and_said_to_be_a_guess() -> None:
    renamed = TaskText("numbers", "Numbers", "Collect the figures of {company} from its yearly reports.", "finance")
    assert aligned([FIGURES, BRIEF], [renamed, BRIEF], {})[0] == Pair("figures", "numbers", "likeness")


def test_what_has_no_like_was_added_or_removed() -> None:
    assert aligned([FIGURES], [NEWS], {}) == [Pair("figures", None, "removed"), Pair(None, "news", "added")]


def test_a_choice_beats_key_and_likeness_and_may_be_that_there_is_none() -> None:
    assert aligned([FIGURES, NEWS], [FIGURES, NEWS], {"figures": "news"})[0] == Pair("figures", "news", "chosen")
    alone = aligned([FIGURES], [FIGURES], {"figures": ""})
    assert alone == [Pair("figures", None, "removed"), Pair(None, "figures", "added")]


def test_choices_of_unknown_tasks_change_nothing() -> None:
    assert aligned([FIGURES], [FIGURES], {"x": "figures", "figures": "y"}) == [Pair("figures", "figures", "key")]


def test_too_many_unlike_tasks_are_not_guessed() -> None:
    old = [TaskText(f"a{n}", "Same name", "Same words") for n in range(60)]
    new = [TaskText(f"b{n}", "Same name", "Same words") for n in range(60)]
    assert {pair.how for pair in aligned(old, new, {})} == {"added", "removed"}


keys = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(keys, keys, st.dictionaries(st.sampled_from("abcdefghx"), st.sampled_from(["", *"abcdefghx"])))
def test_every_task_is_in_exactly_one_pair(old: list[str], new: list[str], chosen: dict[str, str]) -> None:
    pairs = aligned([TaskText(key, key, "words") for key in old], [TaskText(key, key, "words") for key in new], chosen)
    assert [pair.old for pair in pairs if pair.old is not None] == old
    assert sorted(pair.new for pair in pairs if pair.new is not None) == sorted(new)
