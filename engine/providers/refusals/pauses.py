"""How long a provider asks to wait: in headers of several names and forms, in the body, or in its words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from engine.providers.refusals.said import Said

MAX_PAUSE_S = 86_400.0
MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")
RESETS = re.compile(r"(?:x-|anthropic-)?ratelimit-(?:[\w-]+-)?reset(?:-[\w-]+)?")
UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", re.IGNORECASE)
IN_WORDS = re.compile(
    r"(?:try again|retry)(?:\s+\w+){0,3}?\s+(?:in|after)\s+((?:\d+(?:\.\d+)?\s*(?:ms|[smhd])\w*\s*)+)", re.IGNORECASE
)
EPOCH_S, EPOCH_MS = 1e9, 1e12
"""Numbers from here on are moments since 1970, and not spans."""


def pause_s(headers: Mapping[str, str], answer: Said, *, tokens: int = 0) -> float | None:
    """The pause that was asked for, in seconds, 0 to a day; None if none was. ``tokens``: what the request may use.

    Retry-After comes first, in the form that is exact to the millisecond if there is one; then what the body asks for;
    then the moment at which a used-up limit is whole again. Names of headers are lower-case.
    """
    found = _asked(headers)
    if found is None:
        found = _in_body(answer)
    if found is None:
        found = max(_resets(dict(headers) | _nested_headers(answer), tokens), default=None)
    return None if found is None or math.isnan(found) else min(max(0.0, found), MAX_PAUSE_S)


def span_s(text: str) -> float | None:
    """``6m0s``, ``20ms``, ``1.5``, a date or a moment since 1970 as seconds from now; None for anything else."""
    value = text.strip()
    try:
        number = float(value)
    except ValueError:
        return _duration_s(value) if DURATION.match(value) else _until_s(value)
    if number >= EPOCH_S and not math.isinf(number):
        return number / (1000 if number >= EPOCH_MS else 1) - datetime.now(UTC).timestamp()
    return number


def _asked(headers: Mapping[str, str]) -> float | None:
    for name in MILLISECONDS:
        try:
            return float(headers[name]) / 1000
        except (KeyError, ValueError):
            continue
    value = headers.get("retry-after", "").strip()
    try:
        return float(value)
    except ValueError:
        return _until_s(value) if value else None


def _in_body(answer: Said) -> float | None:
    """Gemini's ``retryDelay``; else a span in the words, as OpenAI, Groq and Azure write it."""
    delay = answer.facts.get("retryDelay")
    if isinstance(delay, str) and (found := _duration_s(delay)) is not None:
        return found
    match = IN_WORDS.search(answer.words)
    return _duration_s(match[1]) if match else None


def _resets(headers: Mapping[str, str], tokens: int) -> Iterator[float]:
    """Seconds until each limit is whole again that this request did not fit into."""
    for name, value in headers.items():
        if not RESETS.fullmatch(name):
            continue
        left = headers.get(name.replace("reset", "remaining"))
        if _is_used_up(left, needed=tokens if "token" in name else 1) and (span := span_s(value)) is not None:
            yield span


def _is_used_up(left: str | None, *, needed: int) -> bool:
    """Whether a limit leaves less than is needed. One whose rest is not told counts as used up."""
    try:
        return left is None or float(left) < max(1, needed)
    except ValueError:
        return True


def _nested_headers(answer: Said) -> dict[str, str]:
    """Headers of the provider behind a gateway, which OpenRouter quotes in its body."""
    return {name.lower(): str(value) for name, value in answer.facts.items() if RESETS.fullmatch(name.lower())}


def _duration_s(text: str) -> float | None:
    parts = DURATION.findall(text)
    return sum(float(number) * UNIT_S[unit.lower()] for number, unit in parts) if parts else None


def _until_s(text: str) -> float | None:
    """Seconds until a date as HTTP or RFC 3339 writes it."""
    try:
        moment = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
