"""What the body of an error says, whichever provider wrote it: its words, its codes, and the facts beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.text import storable

MAX_WORDS_CHARS = 600
MAX_TIDIED_CHARS = 4 * MAX_WORDS_CHARS
"""More is not looked through: the patterns below take the square of it."""
MAX_VALUES = 500
MAX_DEPTH = 8
WORDS = ("message", "error", "detail", "msg", "error_message", "errors", "Message", "title")
"""Where providers keep a sentence for people, the likeliest first."""
CODES = ("code", "type", "status", "error_type", "reason", "quotaId", "__type", "errorCode")
"""Where they keep a word for programs."""
TRACEBACK = re.compile(r"(?<!\s)\s*+(?:Traceback \(most recent call last\)|Stack trace:|  File \").*", re.DOTALL)
PATH = re.compile(r"(?<![\w:/])(?:/|[A-Za-z]:\\)(?:[\w.@+-]+[/\\])+[\w.@+-]+\.(?:py|so|js|ts|go|rs|cpp|c|h)\b(?::\d+)?")
SECRET = re.compile(r"\b(?:sk|gsk|xai|pplx|key|AIza)[-_][\w*-]{8,}|AIza[\w-]{20,}")


@dataclass(frozen=True, slots=True)
class Said:
    """``words`` are for people, of bounded length and without tracebacks, file paths and keys.

    ``codes`` are lower-case. ``facts``: every further text or number, by the name of its field. ``is_page``: the body
    is a web page.
    """

    words: str = ""
    codes: frozenset[str] = frozenset()
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_page: bool = False


def said(body: bytes) -> Said:
    """What the body says. One that is no JSON is taken as words, unless it is a page for browsers."""
    text = body.decode("utf-8", "replace").strip()
    try:
        read = json.loads(text.removeprefix("data:"))
    except (ValueError, RecursionError):
        is_page = text[:200].lstrip().lower().startswith(("<!doctype", "<html", "<?xml"))
        return Said(words="" if is_page else tidy(text), is_page=is_page)
    pairs = list(_pairs(read))
    codes = {str(value).lower() for name, value in pairs if name in CODES and isinstance(value, (str, int))}
    simple = [(name, value) for name, value in pairs if name not in WORDS and isinstance(value, (str, int, float))]
    facts = dict(reversed(simple))  # of two with one name the outer
    return Said(words=tidy(_words(read)), codes=frozenset(codes), facts=facts)


def tidy(words: str) -> str:
    """Words that can be shown to anybody: no traceback, no path of a program's file, no key; of bounded length."""
    shown = TRACEBACK.sub("", storable(words[:MAX_TIDIED_CHARS]))
    shown = PATH.sub("[a file]", shown)
    shown = SECRET.sub("[key]", shown)
    shown = " ".join(shown.split())
    return shown if len(shown) <= MAX_WORDS_CHARS else f"{shown[:MAX_WORDS_CHARS]}…"


def _words(value: Any, depth: int = 0) -> str:
    """The sentence in an error's JSON; "" if there is none."""
    if depth > MAX_DEPTH:
        return ""
    if isinstance(value, str):
        return _inner(value, depth)
    if isinstance(value, list):
        return next(filter(None, (_words(part, depth + 1) for part in value[:5])), "")
    if isinstance(value, dict):
        raw = value.get("metadata")
        if isinstance(raw, dict) and isinstance(raw.get("raw"), str) and raw["raw"].strip():
            # OpenRouter's own words are "Provider returned error"; the provider's are here.
            return f"{_words(raw['raw'], depth + 1)} ({raw.get('provider_name') or 'its provider'})"
        return next(filter(None, (_words(value.get(name), depth + 1) for name in WORDS)), "")
    return ""


def _inner(text: str, depth: int) -> str:
    """Gateways put the JSON of the server behind them into a text."""
    if text.lstrip().startswith("{"):
        try:
            return _words(json.loads(text), depth + 1) or text
        except (ValueError, RecursionError):
            return text
    return text


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field of the JSON with its name, outer ones first, at most ``MAX_VALUES``."""
    waiting, seen = [value], 0
    while waiting and seen < MAX_VALUES:
        part = waiting.pop(0)
        seen += 1
        if isinstance(part, dict):
            for name, inner in part.items():
                yield str(name), inner
                waiting.append(inner)
        elif isinstance(part, list):
            waiting.extend(part)
