"""What a model's Markdown needs before it is parsed, and the text in it afterwards.

CommonMark was made for English: it does not end emphasis between a full stop and a letter without a blank, which is how
Chinese, Japanese and Korean are written, and it eats the backslashes of formulas. So two characters that no text may
hold are put in for the parser, and are taken out of what it gives. All of it takes time in line with the length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

JOINT = "\ufdd0"
"""To the parser a letter; nobody sees it."""
MATH = "\ufdd1"
"""Begins and ends a formula that was written with backslashes."""

_LETTER = (
    r"\u2E80-\u2FDF\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3040-\u309F\u30A1-\u30FA\u30FC-\u31FF\u3400-\u4DBF"
    r"\u4E00-\u9FFF\uA960-\uA97F\uAC00-\uD7FF\uF900-\uFAFF\uFF66-\uFFDC\U00020000-\U0003FFFF"
)
_MARK = (
    r"\u2010-\u2027\u2030-\u205E\u3001-\u3004\u3008-\u3020\u3030\u303D\u30A0\u30FB\uFE30-\uFE4F\uFF01-\uFF0F"
    r"\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65"
)
_ANY_MARK = r"!-)+-/:-@\[\]-`{-}" + _MARK
_RUN = r"(\*{1,3}(?!\*)|~~(?!~))"
_CLOSES = re.compile(rf"(?<=[{_ANY_MARK}]){_RUN}(?=[{_LETTER}])|(?<=[{_MARK}]){_RUN}(?=\w)")
_OPENS = re.compile(rf"(?<=[{_LETTER}]){_RUN}(?=[{_ANY_MARK}])|(?<=\w){_RUN}(?=[{_MARK}])")

_INLINE = re.compile(r"(?<!\\)\\[()]")
_DISPLAY = re.compile(r"^[ \t]*\\\[|(?<!\\)\\\][ \t]*$", re.MULTILINE)

_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)")
_WHOLE = frozenset({"markdown", "md"})

_ADDRESS = re.compile(r"(?<![A-Za-z0-9_])(?:https?://|www\.)[^\s<>\"'`" + _MARK + JOINT + MATH + r"]+", re.IGNORECASE)
_ENDS = ".,;:!?*_~'\"”’"


def for_parser(text: str) -> str:
    """The text as the parser is to read it; ``for_reader`` undoes what is put in here."""
    text = _without_fence(text.replace(JOINT, "").replace(MATH, ""))
    text = _paired(text, _INLINE, "\\(", "$")
    text = _paired(text, _DISPLAY, "\\[", "$$")
    return _OPENS.sub(rf"\g<0>{JOINT}", _CLOSES.sub(rf"{JOINT}\g<0>", text))


def for_reader(html: str) -> str:
    """The HTML without what was put in for the parser."""
    for sign, opening, closing in (("$$", "\\[", "\\]"), ("$", "\\(", "\\)")):
        html = html.replace(f"{sign}{MATH}", opening).replace(f"{MATH}{sign}", closing)
    return html.replace(JOINT, "").replace(MATH, "")


def linked(text: str, attributes: str = "") -> str:
    """Text as HTML, with a link at each web address in it. ``attributes``: HTML for each link."""
    parts, end = [], 0
    for match in _ADDRESS.finditer(text):
        address = _trimmed(match[0])
        target = address if "://" in address else f"http://{address}"
        parts += [escape(text[end : match.start()]), f'<a href="{escape(target)}"{attributes}>{escape(address)}</a>']
        end = match.start() + len(address)
    return "".join([*parts, escape(text[end:])])


def _trimmed(address: str) -> str:
    """Without the marks that end the sentence around it, and without a bracket that was opened before it."""
    kept = len(address)
    closed = {bracket: address.count(bracket) - address.count(opened) for opened, bracket in ("()", "[]", "{}")}
    while kept:
        last = address[kept - 1]
        if closed.get(last, 0) > 0:
            closed[last] -= 1
        elif last not in _ENDS:
            break
        kept -= 1
    return address[:kept]


def _paired(text: str, marks: re.Pattern[str], opening: str, sign: str) -> str:
    """The text with ``sign`` in the place of each pair of opening and closing marks in one paragraph."""
    found = list(marks.finditer(text))
    parts, end = [], 0
    for first, second in _pairs(found, opening):
        inside = text[first.end() : second.start()]
        if "\n\n" in inside or "$" in inside:
            continue
        before = first[0][: first[0].index("\\")]
        parts += [text[end : first.start()], before, sign, MATH, inside, MATH, sign]
        end = second.end()
    return "".join([*parts, text[end:]])


def _pairs(found: list[re.Match[str]], opening: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    last: re.Match[str] | None = None
    for match in found:
        if match[0].strip() == opening:
            last = match
        elif last is not None:
            yield last, match
            last = None


def _without_fence(text: str) -> str:
    """The text, or what is in the fence if it is all in one that says Markdown."""
    lines = text.strip().split("\n")
    first, last = _FENCE.fullmatch(lines[0].rstrip()), lines[-1].strip()
    if first is None or first[2].strip().lower() not in _WHOLE or len(lines) < 2:
        return text
    if not last.startswith(first[1]) or last.strip(first[1][0]):
        return text
    return text if _ends_before(lines[1:-1], first[1]) else "\n".join(lines[1:-1])


def _ends_before(lines: list[str], outer: str) -> bool:
    """Whether the outer fence ends within the lines: fences that say what is in them are its own."""
    inner = ""
    for line in lines:
        fence = _FENCE.fullmatch(line.rstrip())
        if fence is None:
            continue
        if inner:
            if not fence[2] and fence[1].startswith(inner):
                inner = ""
        elif fence[2]:
            inner = fence[1]
        elif fence[1].startswith(outer):
            return True
    return bool(inner)
