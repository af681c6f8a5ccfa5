"""Writes a simulated model's answer in the form and length that the task asks for."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from engine.simulated.brief import Brief
from engine.simulated.phrases import (
    SENTENCES,
    about,
    capitalised,
    points,
    sentences,
    shuffled,
    steps,
    subjects,
    title,
)
from engine.simulated.wish import Form, Wish, wish_of

REWORK = re.compile(r"\s*(?:check|correct|edit|optimise|optimize|polish|proofread|remove|review)\b", re.IGNORECASE)
NOTE_WORDS = 140
WORDS_PER_SECTION = 170
SENTENCES_PER_PARAGRAPH = 4
MAX_SECTIONS = 6
MIN_EMAIL_STEPS, MAX_EMAIL_STEPS, WORDS_PER_STEP = 3, 7, 18
WORDS_AROUND_EMAIL = 45
"""Of greeting, thanks and end."""
TABLE_COLUMNS = ("Subject", "Finding", "Consequence")
MIN_ROWS, MAX_ROWS, WORDS_PER_CELL = 3, 10, 8
RATED = frozenset({"likelihood", "probability", "effect", "impact", "severity", "priority", "urgency"})
LEVELS = ("low", "medium", "high")
"""What stands in a column of such a name."""
SORRY = (
    "thank you for writing. We are sorry for the trouble, and see that it cannot wait. Please go through these steps "
    "in their order:"
)
HEADING = re.compile(r"^# (.+)$", re.MULTILINE)
FIELD_PATTERNS = (
    "{name} as the sources state it (simulated)",
    "{name} by the newest source (simulated)",
    "{name} on which two sources agree (simulated)",
)
NAMES_OF_SUBJECTS = frozenset({"tag", "tags", "keyword", "keywords"})
IN_WORDS = frozenset({"description", "problem", "summary", "text", "news", "reason"})
NOT_SLUG = re.compile(r"[^a-z0-9]+")


def write(brief: Brief, rng: random.Random, *, max_words: int) -> str:
    """The answer to a task. ``rng`` chooses the sentences: the same one gives the same answer.

    Whoever is asked to edit or check an earlier answer gives that answer again, as long as it is. What would be longer
    than ``max_words`` ends at a line before.
    """
    if brief.context and REWORK.match(brief.description):
        return _reworked(brief, rng, max_words=max_words)
    wish = wish_of(brief.description, brief.expected_output)
    text = _WRITERS[wish.form](brief.description, wish, min(wish.words, max_words), rng)
    return _first_words(text, max_words)


def fields(text: str, rng: random.Random) -> Callable[[str], str]:
    """Writes the texts of a JSON answer to a task: each call gives one for a property of that name."""
    stream, things = points(text, rng), subjects(text)

    def write_field(name: str) -> str:
        if name in FIXED_TEXTS:
            return FIXED_TEXTS[name](text)
        if name in NAMES_OF_SUBJECTS:
            return rng.choice(things)
        if not name or name.endswith("s") or name in IN_WORDS:
            return f"{next(stream)} (simulated)"
        return rng.choice(FIELD_PATTERNS).format(name=name.replace("_", " "))

    return write_field


def slug(text: str) -> str:
    return NOT_SLUG.sub("-", text.lower())[:60].strip("-") or "page"


FIXED_TEXTS: dict[str, Callable[[str], str]] = {
    "title": title,
    "slug": lambda text: slug(title(text)),
    "url": lambda text: f"https://example.com/{slug(title(text))}",
    "links": lambda text: f"https://example.com/{slug(title(text))}",
    "source": lambda text: f"example.com/{slug(title(text))}",
    "date": lambda text: "a recent date (simulated)",
}
"""What stands in a property of such a name, by the text of the task."""


def _reworked(brief: Brief, rng: random.Random, *, max_words: int) -> str:
    asked, before, after = brief.expected_output.lower(), "", ""
    if "metadata" in asked:
        before = _front_matter(brief.description, brief.context[-1], rng)
    if "notes" in asked:
        after = f"\n\n## Notes\n\n{_bullets(points(brief.description, rng), words=NOTE_WORDS)}"
    room = max(20, max_words - len(f"{before} {after}".split()))
    return f"{before}{_first_words(brief.context[-1], room)}{after}"


def _front_matter(text: str, article: str, rng: random.Random) -> str:
    heading = HEADING.search(article)
    name = heading[1] if heading else title(text)
    lines = (
        f"title: {name}",
        f"description: {next(points(text, rng))}.",
        f"slug: {slug(name)}",
        f"keywords: {', '.join(subjects(text)[:4])}",
        *(f"link: https://example.com/{slug(subject)}" for subject in subjects(text)[:3]),
    )
    return "\n".join(("---", *lines, "---", "", ""))


def _report(text: str, wish: Wish, words: int, rng: random.Random) -> str:
    headings = wish.parts or tuple(map(capitalised, subjects(text)[1:]))[: max(1, round(words / WORDS_PER_SECTION))]
    headings = headings[:MAX_SECTIONS]
    patterns = shuffled(SENTENCES, rng)
    blocks = [f"# {title(text)}"]
    for heading in headings:
        stream = about(text, patterns, rng, heading=heading)
        blocks.extend((f"## {heading}", *_paragraphs(stream, words // len(headings))))
    return "\n\n".join(blocks)


def _plain(text: str, wish: Wish, words: int, rng: random.Random) -> str:
    return "\n\n".join(_paragraphs(sentences(text, rng), words))


def _list(text: str, wish: Wish, words: int, rng: random.Random) -> str:
    each = max(1, min(wish.words_each, words // wish.items))
    stream = steps(text, rng) if wish.numbered else points(text, rng)
    marks = (f"{number}." if wish.numbered else "-" for number in range(1, wish.items + 1))
    return "\n".join(f"{mark} {_of_words(stream, each)}." for mark in marks)


def _table(text: str, wish: Wish, words: int, rng: random.Random) -> str:
    columns = wish.parts or TABLE_COLUMNS
    stream = points(text, rng)
    things = [capitalised(subject) for subject in subjects(text)]
    rows = max(MIN_ROWS, min(MAX_ROWS, words // (WORDS_PER_CELL * len(columns))))
    lines = [columns, tuple("---" for _ in columns)]
    for number in range(rows):
        cells = (rng.choice(LEVELS) if column.lower() in RATED else next(stream) for column in columns[1:])
        lines.append((things[number % len(things)], *cells))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _email(text: str, wish: Wish, words: int, rng: random.Random) -> str:
    stream = steps(text, rng)
    left = max(20, words - WORDS_AROUND_EMAIL)
    count = max(MIN_EMAIL_STEPS, min(MAX_EMAIL_STEPS, left // WORDS_PER_STEP))
    lines = [f"{number}. {_of_words(stream, left // count)}." for number in range(1, count + 1)]
    return "\n\n".join(
        (
            "Subject: Your message to us",
            "Hello,",
            SORRY,
            "\n".join(lines),
            "If one of them does not help, answer this message, and a colleague takes it up at once.",
            "Kind regards\nCustomer support",
        )
    )


_WRITERS: dict[Form, Callable[[str, Wish, int, random.Random], str]] = {
    Form.REPORT: _report,
    Form.PARAGRAPHS: _plain,
    Form.LIST: _list,
    Form.TABLE: _table,
    Form.EMAIL: _email,
}


def _paragraphs(stream: Iterator[str], words: int) -> Iterator[str]:
    """Paragraphs of some sentences each, together of about so many words; at least one sentence."""
    paragraph: list[str] = []
    left = words
    while left > 0 or not paragraph:
        sentence = next(stream)
        paragraph.append(sentence)
        left -= len(sentence.split())
        if len(paragraph) == SENTENCES_PER_PARAGRAPH and left > 0:
            yield " ".join(paragraph)
            paragraph = [next(stream)]
            left -= len(paragraph[0].split())
    yield " ".join(paragraph)


def _first_words(text: str, words: int) -> str:
    """The text's first lines, as many as have no more than so many words; at least one."""
    lines = text.splitlines()
    count = len(lines[0].split()) if lines else 0
    kept = lines[:1]
    for line in lines[1:]:
        count += len(line.split())
        if count > words:
            break
        kept.append(line)
    return "\n".join(kept).rstrip()


def _bullets(stream: Iterator[str], *, words: int) -> str:
    lines: list[str] = []
    while sum(len(line.split()) for line in lines) < words:
        lines.append(f"- {next(stream)}.")
    return "\n".join(lines)


def _of_words(stream: Iterator[str], words: int) -> str:
    """Statements joined until another one would make more than so many words; the first one is kept whole."""
    said, more = next(stream), next(stream)
    while len(said.split()) + len(more.split()) <= words:
        said, more = f"{said}; {more[:1].lower()}{more[1:]}", next(stream)
    return said
