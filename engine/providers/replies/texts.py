"""What of a reply's content is the answer, what is reasoning, and what is a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

NAMES = r"(?:think|thinking|thought|thoughts|reasoning|seed:think)"
MARK = re.compile(rf"(?P<fence>```)|(?P<opening><{NAMES}>|\[THINK\])|(?P<closing></{NAMES}>|\[/THINK\])", re.IGNORECASE)
ENDINGS = ("think>", "thinking>", "thought>", "thoughts>", "reasoning>", "think]")
"""How marks end: looking for them takes a hundredth of what the pattern takes."""
MAX_MARKS = 10_000
LONGEST_INDENT = 80
FIELDS_OF_REASONING = ("reasoning_content", "reasoning")
"""Names that providers give to it, in their order: who sends two of them sends the same twice."""


@dataclass(frozen=True, slots=True)
class Content:
    """``marked``: the answer with the reasoning that was written into it, "" if there is none."""

    answer: str
    reasoning: str = ""
    refusal: str = ""
    marked: str = ""


def content_of(message: Mapping[str, Any]) -> Content:
    """The content of a message, be it one text or a list of parts, and the reasoning beside it."""
    answer, reasoning, refusal = _of_parts(message.get("content"))
    refusal = _text(message.get("refusal")) or refusal
    beside = next((text for name in FIELDS_OF_REASONING if (text := _text(message.get(name)))), "")
    beside = beside or _of_blocks(message.get("thinking_blocks")) or _of_blocks(message.get("reasoning_details"))
    rest, written = without_thoughts(answer)
    marked = answer if rest != answer else ""
    return Content(rest, "\n".join(filter(None, (beside, reasoning, written))), refusal, marked)


def without_thoughts(text: str) -> tuple[str, str]:
    """The text without the reasoning that is marked in it, and that reasoning.

    An opening mark is one at the beginning of a line and outside of code, so that an answer may speak of marks. Without
    it all before the first closing one is reasoning: many templates of prompts open it themselves. Without a closing
    one, all after is.
    """
    rest: list[str] = []
    thoughts: list[str] = []
    at, is_code = 0, False
    thought_at: int | None = None
    for mark in _marks(text):
        if thought_at is not None:
            if mark["closing"]:
                thoughts.append(text[thought_at : mark.start()])
                thought_at, at = None, mark.end()
        elif mark["fence"]:
            is_code = not is_code
        elif mark["opening"] and not is_code and _begins_line(text, mark.start()):
            rest.append(text[at : mark.start()])
            thought_at = mark.end()
        elif mark["closing"] and not is_code and not thoughts and not _is_quoted(text, mark.start()):
            thoughts.append(text[: mark.start()])
            at = mark.end()
    if thought_at is not None:
        thoughts.append(text[thought_at:])
        at = len(text)
    if not thoughts:
        return text, ""
    rest.append(text[at:])
    return "".join(rest).strip(), "\n".join(filter(None, (thought.strip() for thought in thoughts)))


def _marks(text: str) -> Iterator[re.Match[str]]:
    lowered = text.lower()
    if any(ending in lowered for ending in ENDINGS):
        yield from islice(MARK.finditer(text), MAX_MARKS)


def _begins_line(text: str, at: int) -> bool:
    before = text[max(0, at - LONGEST_INDENT) : at]
    return not before.rpartition("\n")[2].strip() and ("\n" in before or at <= LONGEST_INDENT)


def _is_quoted(text: str, at: int) -> bool:
    """Whether the mark there is spoken of."""
    return text[max(0, at - 1) : at] in ("`", '"', "'")


def _of_parts(content: Any) -> tuple[str, str, str]:
    """Answer, reasoning and refusal of a content."""
    if isinstance(content, str):
        return content, "", ""
    answer: list[str] = []
    reasoning: list[str] = []
    refusal: list[str] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            answer.append(part)
        elif isinstance(part, dict):
            kind = str(part.get("type") or "text")
            if kind == "refusal":
                refusal.append(_text(part.get("refusal")))
            elif kind in ("thinking", "reasoning", "reasoning_text", "thought"):
                reasoning.append(_inner(part.get("thinking") or part.get("reasoning") or part.get("text")))
            else:
                answer.append(_text(part.get("text")))
    return "".join(answer), "\n".join(filter(None, reasoning)), "".join(refusal)


def _inner(value: Any) -> str:
    return value if isinstance(value, str) else _of_parts(value)[0]


def _of_blocks(blocks: Any) -> str:
    """The readable text of blocks of reasoning; some hold none, only what the provider itself can read."""
    parts = (block for block in blocks if isinstance(block, dict)) if isinstance(blocks, list) else ()
    texts = (_text(part.get("thinking") or part.get("text") or part.get("summary")) for part in parts)
    return "\n".join(filter(None, texts))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
