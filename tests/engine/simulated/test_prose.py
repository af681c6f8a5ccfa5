"""Simulated answers have the form and the length that the task asks for, from its own words, and state no figure."""

from __future__ import annotations

import json
import random
import re

import pytest

from engine.simulated import prose
from engine.simulated.brief import LABEL, Brief, read_brief
from engine.simulated.pages import page_text, search_results
from engine.simulated.phrases import subjects, title
from engine.simulated.wish import Form, wish_of

TASK = "Research the financial figures and the recent earnings of Stripe."


def written(expected_output: str, description: str = TASK, *, seed: str = "seed", max_words: int = 3000) -> str:
    return prose.write(Brief(description, expected_output), random.Random(seed), max_words=max_words)


def bullets(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"(?:-|\d+\.) ", line)]


@pytest.mark.parametrize(
    ("expected_output", "form", "words"),
    [
        ("An article of 500 words", Form.REPORT, 500),
        ("A 500-word article", Form.REPORT, 500),
        ("A brief of two pages", Form.REPORT, 900),
        ("Three-paragraph executive summary.", Form.PARAGRAPHS, 240),
        ("An e-mail of at most 180 words", Form.EMAIL, 153),
        ("A profile in under 1000 words", Form.REPORT, 850),
        ("A table: risk, likelihood, effect, measure", Form.TABLE, 120),
        ("JSON or whatever you like", Form.PARAGRAPHS, 180),
        ("", Form.PARAGRAPHS, 180),
        ("99999 words", Form.REPORT, 3000),
    ],
)
def test_form_and_length_are_read_off_the_expected_output(expected_output: str, form: Form, words: int) -> None:
    wish = wish_of("Do it.", expected_output)
    assert (wish.form, wish.words) == (form, words)


def test_what_the_expected_output_leaves_open_the_description_decides() -> None:
    assert wish_of("Write a report of 700 words on cars.", "Plain English").words == 700
    assert wish_of("Write a report of 700 words on cars.", "An article of 300 words").words == 300


@pytest.mark.parametrize(
    ("expected_output", "count", "most_words"),
    [
        ("Exactly three bullet points, each under 20 words. No prose.", 3, 19),
        ("3 bullet points, each under 20 words.", 3, 19),
        ("Bullet-point list of key metrics with sources.", 8, 22),
        ("At most 10 facts, one line each, with source", 8, 13),
        ("A numbered list of 5 steps", 5, 22),
    ],
)
def test_a_list_has_as_many_items_as_asked_for(expected_output: str, count: int, most_words: int) -> None:
    lines = bullets(written(expected_output))
    assert len(lines) == count
    assert all(len(line.split()[1:]) <= most_words for line in lines)


@pytest.mark.parametrize("words", [60, 300, 800, 2000])
def test_prose_is_as_long_as_asked_for(words: int) -> None:
    for seed in "abc":
        assert words <= len(written(f"A report of {words} words", seed=seed).split()) <= words * 1.25 + 60


def test_a_report_has_the_parts_that_are_named() -> None:
    text = written("A brief of 600 words in Markdown: situation, figures, news and view")
    assert re.findall(r"^#+ .*", text, re.MULTILINE) == [
        "# Financial figures and the recent earnings of Stripe", "## Situation", "## Figures", "## News", "## View"
    ]  # fmt: skip


def test_a_table_has_the_columns_that_are_named_and_rows_of_equal_width() -> None:
    lines = written("A table: risk, likelihood, effect, measure").splitlines()
    assert lines[:2] == ["| Risk | Likelihood | Effect | Measure |", "| --- | --- | --- | --- |"]
    assert len(lines) >= 5
    assert {line.count("|") for line in lines} == {5}


def test_an_email_has_greeting_steps_and_end() -> None:
    text = written("An e-mail of at most 180 words with numbered steps")
    assert text.startswith("Subject: ")
    assert len(bullets(text)) >= 3
    assert "Kind regards" in text
    assert len(text.split()) <= 180


def test_no_answer_is_longer_than_its_bound() -> None:
    for form in ("An article of 2000 words", "A list of 40 items", "A table", "An e-mail"):
        assert len(written(form, max_words=100).split()) <= 100


def test_equal_requests_get_equal_answers_and_others_do_not() -> None:
    assert written("A report") == written("A report")
    assert written("A report") != written("A report", seed="another")


def test_the_words_are_the_tasks_and_no_figure_is_made_up() -> None:
    text = written("A report of 900 words")
    assert "financial figures" in text
    assert "Stripe" in text
    assert not re.search(r"\d", text)


@pytest.mark.parametrize(
    "text", ["", "  \n", "Do it.", "2 3 4", "é", "{a} {topic} {0!r:>99999}", "あ" * 9000, "a\x00b"]
)
def test_any_text_has_subjects_and_a_title(text: str) -> None:
    assert len(subjects(text)) >= 4
    assert title(text)
    assert written("A report", text)


def test_a_long_task_without_a_full_stop_has_a_short_title() -> None:
    assert len(title("word " * 10_000)) <= 80


def message(description: str, expected_output: str, *answers: str) -> str:
    parts = [description, f"Expected output: {expected_output}"]
    return "\n\n".join((*parts, *(f"## Task {number}\n{answer}" for number, answer in enumerate(answers))))


DRAFT = f"{LABEL} in place of gpt-4o\n\n# The draft\n\n## Part one\n\nSome text."


def test_a_brief_is_read_with_the_answers_before_it() -> None:
    first, second = f"{LABEL} in place of a\n\nOne.", '{"a": 1}'
    brief = read_brief(message("Write it.", "A page", first, second, DRAFT))
    assert (brief.description, brief.expected_output) == ("Write it.", "A page")
    assert brief.context == ("One.", "# The draft\n\n## Part one\n\nSome text.")


def test_the_schema_in_words_is_no_part_of_the_task() -> None:
    brief = read_brief("Do it.\n\nExpected output: x\n\nAnswer with one JSON value and nothing else. {}")
    assert (brief.description, brief.expected_output) == ("Do it.", "x")


def test_an_editor_gives_the_draft_again_with_notes_and_metadata_where_asked() -> None:
    def reworked(description: str, expected_output: str) -> str:
        brief = read_brief(message(description, expected_output, DRAFT))
        return prose.write(brief, random.Random(1), max_words=3000)

    draft = "# The draft\n\n## Part one\n\nSome text."
    assert reworked("Edit it for clarity.", "The edited text") == draft
    assert reworked("Review it.", "The text, with notes").startswith(f"{draft}\n\n## Notes\n\n- ")
    with_metadata = reworked("Optimise it for search.", "The text with its metadata")
    assert with_metadata.startswith("---\ntitle: The draft\n")
    assert with_metadata.endswith(draft)
    assert reworked("Write another one.", "A page") != draft


def test_texts_of_json_are_different_ones_and_say_that_they_are_simulated() -> None:
    write_field = prose.fields(TASK, random.Random(1))
    texts = [write_field("trends") for _ in range(3)]
    assert len(set(texts)) == 3
    assert all(text.endswith("(simulated)") for text in (*texts, write_field("revenue"), write_field("")))
    assert write_field("slug") == "financial-figures-and-the-recent-earnings-of-stripe"


def test_a_search_brings_as_many_results_as_asked_for_each_with_a_link_and_a_snippet() -> None:
    for count in (1, 10):
        head, *results = search_results("recent earnings of Stripe", count).split("\n\n")
        assert "No search was made" in head
        assert len(results) == count
        for title_line, link, snippet in (result.splitlines() for result in results):
            assert title_line.endswith("(simulated)")
            assert link.startswith("https://example.com/")
            assert 25 <= len(snippet.split()) <= 35


def test_a_page_has_thousands_of_words_and_says_that_nothing_was_read() -> None:
    text = page_text("https://example.com/recent-earnings-of-stripe/1")
    assert "Nothing was read" in text
    assert 2000 <= len(text.split()) <= 3000
    assert json.dumps(text) == json.dumps(page_text("https://example.com/recent-earnings-of-stripe/1"))
