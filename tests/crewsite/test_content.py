"""Texts from models on a page: Markdown that runs, styles and loads nothing; JSON as a tree; both bounded."""

from __future__ import annotations

import re
import time

import pytest

from crewsite.templatetags.content import MAX_SHOWN_CHARS, MAX_TREE_NODES, is_cut, markdown, tree


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<b onclick=alert(1)>x</b>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "<style>*{}</style>",
        "<iframe src=https://evil.example></iframe>",
        '<a href="https://x.example" style="position:fixed">x</a>',
        "<svg><script>alert(1)</script></svg>",
        "![x](https://evil.example/pixel.png)",
        "![x](javascript:alert(1))",
        "[x]: javascript:alert(1)\n\n[x]",
        "<form action=https://evil.example><button>x</button></form>",
    ],
)
def test_nothing_in_markdown_runs_styles_or_loads(text: str) -> None:
    tags = " ".join(re.findall(r"<[^>]*>", str(markdown(text)).lower()))
    for forbidden in ("script", "<img", "<iframe", "style", "<svg", "<form", "<b ", "<button", "data:", "onclick"):
        assert forbidden not in tags


def test_markdown_is_rendered() -> None:
    html = markdown("# Title\n\n**bold** `code`\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n- one\n- two")
    for part in (">Title</h1>", "<strong>bold</strong>", "<code>code</code>", "<table ", "<li>one</li>"):
        assert part in html


def test_links_tell_their_target_nothing() -> None:
    assert 'rel="noopener noreferrer nofollow"' in markdown("[x](https://example.com)")


def test_an_image_is_a_link_that_says_what_it_shows() -> None:
    html = markdown("![a chart](https://example.com/chart.png)")
    assert '<a href="https://example.com/chart.png"' in html
    assert "[image: a chart]" in html


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_SHOWN_CHARS,
        "![" * (MAX_SHOWN_CHARS // 2),
        ">" * MAX_SHOWN_CHARS,
        "*a " * (MAX_SHOWN_CHARS // 3),
        "`" * MAX_SHOWN_CHARS,
        "- " * (MAX_SHOWN_CHARS // 2),
        "|" * MAX_SHOWN_CHARS,
        "a|b\n-|-\n" + "x|y\n" * (MAX_SHOWN_CHARS // 4),
        "~~a" * (MAX_SHOWN_CHARS // 3),
        "<a" * (MAX_SHOWN_CHARS // 2),
        "W" * MAX_SHOWN_CHARS,
        "\\" * MAX_SHOWN_CHARS,
        "&#x0;" * (MAX_SHOWN_CHARS // 5),
    ],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.thread_time()  # the processor's time, so that what else runs on the machine counts for nothing
    markdown(text)
    assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    "text",
    [
        "|" + "a|" * 8000 + "\n|" + "-|" * 8000 + "\n" + "x\n" * 1000,
        "a|b\n-|-\n" + "x|y\n" * 12_000,
        ">" * 20_000 + "a\n" + "a\n" * 15_000,
        "- " * 20_000,
        "1. " * 15_000,
        "*a **b " * 7000,
        "[x]: " + "u" * 25_000 + "\n\n" + "[x]" * 8000,
        "".join(">" * depth + "\n" for depth in range(310)),
        "".join(f"{'  ' * depth}* a\n" for depth in range(220)),
        "~~a " * 6000 + " b~~" * 6000,
        "[![a](b)](c) " * 3800,
    ],
)
def test_what_made_the_parser_or_the_page_grow_out_of_bounds_is_soon_done(text: str) -> None:
    began = time.thread_time()
    html = markdown(text)
    assert (
        time.thread_time() - began < 1
    )  # at most 0.12 s where nothing else is to be done; it was up to 5 s, or for ever
    assert len(html) < 1_000_000


def test_what_is_too_intricate_is_shown_as_plain_text_and_says_so() -> None:
    text = "> " * 100 + "deep <b>"
    html = markdown(text)
    assert html.startswith("<pre")
    assert "deep &lt;b&gt;" in html
    assert "Shown as plain text" in html
    assert "Shown as plain text" not in markdown("> " * 20 + "deep")
    assert "Shown as plain text" not in markdown("\n".join(f"- {number}" for number in range(5000)))


def test_tags_in_markdown_are_shown_as_text() -> None:
    assert "&lt;think&gt;yes&lt;/think&gt;" in markdown("<think>yes</think>")
    assert "&lt;div&gt;" in markdown("<div>\nraw\n</div>")


def test_links_keep_known_schemes_only_and_are_not_within_one_another() -> None:
    assert 'href="mailto:a@example.com"' in markdown("<a@example.com>")
    assert "href" not in markdown("[x](ftp://example.com)")
    assert markdown("[![a](https://a.example)](https://b.example)").count("<a ") == 1


def test_what_is_too_long_is_cut_and_known_to_be() -> None:
    text = "word " * MAX_SHOWN_CHARS
    assert is_cut(text)
    assert len(markdown(text)) < 2 * MAX_SHOWN_CHARS
    assert not is_cut("word")


def test_a_tree_shows_keys_and_values_as_text() -> None:
    html = tree({"risk <b>": ["<script>", 1.5, None, True, {}], "empty": []})
    for part in ("risk &lt;b&gt;: ", "&lt;script&gt;", "1.5", "null", "true", "{}", "[]", "5 items"):
        assert part in html
    assert "<script>" not in html


def test_a_huge_tree_is_bounded_and_says_what_is_missing() -> None:
    html = tree([{"a": number} for number in range(100_000)])
    assert html.count("<li>") <= MAX_TREE_NODES
    assert "more in the raw text" in html


def test_a_tree_of_long_texts_is_bounded() -> None:
    assert len(tree(["x" * 40_000] * 100)) < 250_000


def test_a_deep_tree_ends() -> None:
    deep: object = "bottom"
    for _ in range(500):
        deep = [deep]
    html = tree(deep)
    assert html.count("<details") < 50
    assert "bottom" in html
