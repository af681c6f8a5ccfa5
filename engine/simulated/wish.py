"""What a task asks its answer to be: its form and its length, read off its words as a model would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from engine.simulated.phrases import READ_CHARS, capitalised


class Form(StrEnum):
    EMAIL = "email"
    TABLE = "table"
    LIST = "list"
    REPORT = "report"
    PARAGRAPHS = "paragraphs"


USUAL_WORDS = {Form.EMAIL: 160, Form.TABLE: 120, Form.LIST: 200, Form.REPORT: 600, Form.PARAGRAPHS: 180}
"""How long an answer is of which no length is asked."""
MAX_WORDS = 3_000
WORDS_PER_PAGE = 450
WORDS_PER_PARAGRAPH = 80
WORDS_PER_ITEM = 22
WORDS_PER_LINE = 12
USUAL_ITEMS = 8
MAX_ITEMS = 40
SHORT_OF_THE_MOST = 0.85
"""An answer of "at most 150 words" has so much of them: models keep clear of a bound."""
ITEMS_SHORT_OF_THE_MOST = 0.75

NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
NUMBER = rf"(\d{{1,5}}|{'|'.join(NUMBERS)})"
BOUND = r"((?:under|at most|up to|no more than|fewer than|less than)\s+)?"
ITEM = r"(?:bullets?|facts?|items?|findings?|figures?|steps?|points?|lines?|sources?|resources?|entries|risks?)"
EACH_WORDS = re.compile(rf"\beach\b[^.\n]{{0,30}}?{BOUND}{NUMBER}[\s-]words?", re.IGNORECASE)
ALL_WORDS = re.compile(rf"{BOUND}\b{NUMBER}[\s-]words?", re.IGNORECASE)
PAGES = re.compile(rf"\b{NUMBER}[\s-](pages?|paragraphs?)", re.IGNORECASE)
ITEMS = re.compile(rf"{BOUND}\b{NUMBER}\s+(?:\w+\s+)?{ITEM}\b", re.IGNORECASE)
FORMS = (
    (Form.TABLE, re.compile(r"\b(?:table|matrix)\b", re.IGNORECASE)),
    (Form.EMAIL, re.compile(r"\b(?:e-?mail|letter)\b", re.IGNORECASE)),
    (Form.LIST, re.compile(rf"\b(?:list|bullets?|checklist|one line each)\b|\b{NUMBER}\s+{ITEM}\b", re.IGNORECASE)),
    (Form.REPORT, re.compile(r"\b(?:report|article|brief|profile|analysis|dossier|dataset|markdown)\b", re.IGNORECASE)),
)
NUMBERED = re.compile(r"\b(?:steps?|numbered)\b", re.IGNORECASE)
PARTS = re.compile(r":\s*([^.:\n]{3,300})")
BETWEEN_PARTS = re.compile(r",|;|\band\b", re.IGNORECASE)
MAX_PART_WORDS = 4
REPORT_FROM_WORDS = 300


@dataclass(frozen=True, slots=True)
class Wish:
    """``words``: of the whole answer. ``items``: of a list, each of ``words_each``. ``parts``: headings or columns."""

    form: Form
    words: int
    items: int
    words_each: int
    numbered: bool
    parts: tuple[str, ...]


def wish_of(description: str, expected_output: str) -> Wish:
    """The expected output decides; what it leaves open, the description does."""
    texts = [text[:READ_CHARS] for text in (expected_output, description) if text.strip()]
    asked_words = next((words for words in map(_words, texts) if words), 0)
    form = next((form for form in map(_form, texts) if form), None)
    if form is None:
        form = Form.REPORT if asked_words >= REPORT_FROM_WORDS else Form.PARAGRAPHS
    words_each = next((each for each in map(_words_each, texts) if each), WORDS_PER_ITEM)
    items = next((items for items in map(_items, texts) if items), 0)
    if form is Form.LIST and not asked_words:
        asked_words = (items or USUAL_ITEMS) * words_each
    words = min(asked_words or USUAL_WORDS[form], MAX_WORDS)
    return Wish(
        form=form,
        words=words,
        items=items or max(1, min(MAX_ITEMS, round(words / words_each))),
        words_each=words_each,
        numbered=bool(texts) and NUMBERED.search(texts[0]) is not None,
        parts=next((parts for parts in map(_parts, texts) if parts), ()),
    )


def _form(text: str) -> Form | None:
    return next((form for form, pattern in FORMS if pattern.search(text)), None)


def _words(text: str) -> int:
    """Words of the whole text: as a number of them, or as pages or paragraphs; 0 if nothing is said."""
    whole = EACH_WORDS.sub("", text)
    if match := ALL_WORDS.search(whole):
        return round(_number(match[2]) * (SHORT_OF_THE_MOST if match[1] else 1))
    if match := PAGES.search(whole):
        return _number(match[1]) * (WORDS_PER_PAGE if match[2].lower().startswith("page") else WORDS_PER_PARAGRAPH)
    return 0


def _words_each(text: str) -> int:
    if match := EACH_WORDS.search(text):
        return max(1, round(_number(match[2]) * (SHORT_OF_THE_MOST if match[1] else 1)))
    return WORDS_PER_LINE if "one line" in text.lower() else 0


def _items(text: str) -> int:
    if match := ITEMS.search(text):
        return max(1, min(MAX_ITEMS, round(_number(match[2]) * (ITEMS_SHORT_OF_THE_MOST if match[1] else 1))))
    return 0


def _parts(text: str) -> tuple[str, ...]:
    """What a list after a colon names: "a brief: situation, figures and view" has three parts."""
    for match in PARTS.finditer(text):
        named = [part.strip(" '\"`") for part in BETWEEN_PARTS.split(match[1])]
        if len(named) > 1 and all(0 < len(part.split()) <= MAX_PART_WORDS for part in named):
            return tuple(map(capitalised, named))
    return ()


def _number(text: str) -> int:
    return NUMBERS.get(text.lower()) or int(text)
