"""Markdown in every language: emphasis beside the marks of other scripts, tables, links, notes and formulas."""

from __future__ import annotations

import contextlib
import re

import pytest

from crewsite.markdown import TooIntricate, to_html
from crewsite.markdown_text import linked


def inner(text: str) -> str:
    """Without the tags of one paragraph around it."""
    return to_html(text).strip().removeprefix('<p dir="auto">').removesuffix("</p>")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**重要：**这是", "<strong>重要：</strong>这是"),
        ("这**「引用」**的", "这<strong>「引用」</strong>的"),
        ("**100%**的", "<strong>100%</strong>的"),
        ("~~删除。~~后", "<s>删除。</s>后"),
        ("**스크립트(script)**라고", "<strong>스크립트(script)</strong>라고"),
        ("*注意！*です", "<em>注意！</em>です"),
        ("**甲**，**乙**", "<strong>甲</strong>，<strong>乙</strong>"),
        ("**bold** text, 2 * 3 and a*b", "<strong>bold</strong> text, 2 * 3 and a*b"),
        ("`**重要：**这`", "<code>**重要：**这</code>"),
    ],
)
def test_emphasis_ends_beside_marks_of_any_script(text: str, html: str) -> None:
    assert inner(text) == html


def test_columns_are_aligned_as_the_table_says() -> None:
    html = to_html("|a|b|c|d|\n|:-|:-:|-:|-|\n|1|2|3|4|")
    assert re.findall(r"<t[hd]\b[^>]*>", html) == [
        '<th class="left">',
        '<th class="center">',
        '<th class="right">',
        "<th>",
        '<td class="left">',
        '<td class="center">',
        '<td class="right">',
        "<td>",
    ]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://example.com/a_b?c=1&d=2.", "https://example.com/a_b?c=1&amp;d=2"),
        ("(https://en.wikipedia.org/wiki/A_(b))", "https://en.wikipedia.org/wiki/A_(b)"),
        ("见https://example.com/页，然后", "https://example.com/页"),
        ("www.example.com!", "http://www.example.com"),
        ("“https://example.com”", "https://example.com"),
    ],
)
def test_a_bare_address_is_a_link_without_what_ends_the_sentence(text: str, address: str) -> None:
    assert re.findall(r'<a href="([^"]*)"', to_html(text)) == [address]
    assert re.findall(r'<a href="([^"]*)"', linked(text)) == [address]


@pytest.mark.parametrize(
    "text", ["`https://example.com`", "    https://example.com", "[x](javascript:alert(1))", "www. a"]
)
def test_code_and_other_schemes_are_no_links(text: str) -> None:
    assert "<a href" not in to_html(text)


def test_a_link_in_a_link_is_one() -> None:
    assert to_html("[https://a.example](https://b.example)").count("<a ") == 1


def test_an_answer_in_a_fence_that_says_markdown_is_read() -> None:
    html = to_html("```markdown\n# Title\n\n```python\ncode()\n```\n\n**bold**\n```")
    assert '<h1 dir="auto">Title</h1>' in html
    assert '<pre dir="ltr"><code>code()\n</code></pre>' in html
    assert "<strong>bold</strong>" in html


@pytest.mark.parametrize(
    "text",
    [
        "```markdown\na\n```\ntext\n```python\nb\n```",
        "```python\n# code\n```",
        "```markdown\n# a",
        "```markdown",
        "```\n# a\n```",
    ],
)
def test_other_fences_stay(text: str) -> None:
    assert "<pre" in to_html(text)
    assert "<h1" not in to_html(text)


def test_footnotes_stand_where_they_are_written_and_are_named() -> None:
    html = to_html("a[^1] b\n\n[^1]: **note**")
    assert "a<sup>[1]</sup> b" in html
    assert '<div class="footnote" dir="auto"><sup>[1]</sup> <p><strong>note</strong></p>' in html


@pytest.mark.parametrize(
    "text",
    [
        "$x_1 * y * z$",
        "$5 and $10",
        r"\(a_1 * b_2 * c\)",
        r"so \( x \) is",
        "$$\\frac{1}{2} * a * b$$",
    ],
)
def test_a_formula_is_shown_as_it_was_written(text: str) -> None:
    assert inner(text) == text


def test_a_formula_on_lines_of_its_own_keeps_its_backslashes() -> None:
    assert inner("\\[\n\\frac{a}{b} \\\\ c_1 * d * e\n\\]") == "\\[\n\\frac{a}{b} \\\\ c_1 * d * e\n\\]"
    assert inner(r"\[1\] \*") == "[1] *"
    assert "<code>\\(x\\)\n</code>" in to_html("```\n\\(x\\)\n```")


def test_each_block_has_the_direction_of_its_letters_and_code_its_own() -> None:
    html = to_html("# שלום\n\nمرحبا\n\n- א\n\n- ג\n\n> ב\n\n|a|\n|-|\n\n```\nc\n```")
    for tag in ("h1", "p", "ul", "blockquote", "table"):
        assert f'<{tag} dir="auto">' in html
    assert '<pre dir="ltr">' in html
    # A direction within would take the letters out of account from which the block takes its own.
    assert '<blockquote dir="auto">\n<p>ב</p>' in html


@pytest.mark.parametrize(
    "text",
    [
        "**，" * 16000,
        "，**重" * 12000,
        "\\(" * 25000,
        "\\(a\\)" * 9000,
        "www." * 12000,
        "https://a" + "(" * 49000,
        "https://a" + ")" * 49000,
        "```md\n" + "```a\n" * 9000 + "```",
        "[^1]" * 12000,
        "$a" * 25000,
        "、*" * 25000,
    ],
)
def test_hostile_marks_are_read_to_the_end(text: str) -> None:
    with contextlib.suppress(TooIntricate):  # else this would not come to its end
        assert to_html(text)


def test_what_is_put_in_for_the_parser_never_shows() -> None:
    assert inner("a\ufdd0b\ufdd1c") == "abc"
    for text in ("**重。**这", r"\(x\)", "[重。**a**](https://x.example/重。**b)"):
        assert not re.search("[\ufdd0\ufdd1]", to_html(text))
