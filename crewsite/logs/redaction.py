"""What never gets into a log: keys, prompts, replies. What a line holds besides is decided in ``crewsite.logs.lines``.

Two things may hold content: the texts of exceptions, which quote what they are about, and the lines of other people's
packages. Of both only what is known to be harmless is kept, and always the place in the code.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError
from kombu.exceptions import KombuError

MASK = "[masked]"
WITHHELD = "(its text may hold content and is left out)"
MAX_TEXT = 4_000
MAX_READ = 20_000
MAX_DEPTH = 4
MAX_FRAMES = 40
MAX_CAUSES = 6

DROPPED = frozenset(
    {
        "messages",
        "message",
        "prompt",
        "prompts",
        "reply",
        "replies",
        "completion",
        "content",
        "text",
        "raw",
        "inputs",
        "output",
        "outputs",
        "answer",
        "arguments",
        "tool_output",
        "params",
        "body",
        "data",
        "api_key",
        "apikey",
        "key",
        "authorization",
        "cookie",
        "cookies",
        "password",
        "secret",
        "token",
        "credential",
        "headers",
        "base_url",
    }
)
"""Extra fields of these names are left out, whatever they hold."""

OURS = ("crewsite", "runs", "agents_app", "teams", "engine")
TRUSTED = (*OURS, "django", "uvicorn", "celery", "kombu", "amqp", "psycopg.pool")
NOT_TRUSTED = ("celery.app.trace", "celery.redirected", "django.db.backends")
"""Loggers below trusted ones that quote exceptions, printed text or SQL parameters."""

HARMLESS = (
    OSError,
    OperationalError,
    InterfaceError,
    IntegrityError,
    ProgrammingError,
    KombuError,
    ImproperlyConfigured,
    TypeError,
    AttributeError,
    NameError,
    ImportError,
    IndexError,
    ZeroDivisionError,
    RecursionError,
    NotImplementedError,
)
"""Exceptions whose first line holds only addresses, tables or names in the code. Further lines may quote rows."""

_PATTERNS = (
    (re.compile(r"\b(?:sk-|crw_)[\w-]{4,}"), MASK),
    (re.compile(r"\bwhsec_[\w+/=-]{4,}"), MASK),
    (re.compile(r"\b(?:pk|rk|gsk|xai|hf|ghp|gho|ghs|glpat|pplx|tvly|nvapi|r8)[-_][\w-]{16,}"), MASK),
    (re.compile(r"\bAIza[\w-]{20,}|\bAKIA[A-Z0-9]{12,}|\beyJ[\w-]{8,}\.[\w.-]+"), MASK),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"://[^\s/@]*:[^\s/@]*@"), f"://{MASK}@"),
    (re.compile(r"/(signin|join)/[\w-]{16,}"), rf"/\1/{MASK}"),
    (
        re.compile(
            r"\b((?:\w*api[_-]?key|x-api-key|authorization|password|passwd|\w*secret|\w*token|cookie)[\"']?\s*[:=]\s*)"
            r"(?!\s|(?:bearer|basic)\b)[\"']?[^\s\"',;&}]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)


def masked(text: str) -> str:
    """The text without what looks like a key, and at most ``MAX_TEXT`` characters of it."""
    text = text[:MAX_READ]
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def fields(extra: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """A line's extra fields without those that may hold content; texts are masked."""
    return {name: _value(value, depth) for name, value in extra.items() if str(name).lower() not in DROPPED}


def _value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return fields(value, depth + 1) if depth < MAX_DEPTH else "…"
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(item, depth + 1) for item in list(value)[:50]] if depth < MAX_DEPTH else "…"
    if isinstance(value, BaseException):
        return exception_line(value)
    return masked(str(value))


def is_ours(logger: str) -> bool:
    return _within(logger, OURS)


def is_trusted(logger: str) -> bool:
    """Whether this logger's lines may be written as they are, apart from what looks like a key."""
    return _within(logger, TRUSTED) and not _within(logger, NOT_TRUSTED)


def _within(logger: str, names: tuple[str, ...]) -> bool:
    return any(logger == name or logger.startswith(f"{name}.") for name in names)


def exception_line(error: BaseException) -> str:
    """The exception's class and code, and its first line where that is known to quote nothing."""
    cls = type(error)
    name = cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"
    codes = [str(value) for value in (getattr(error, "code", None), getattr(error, "status", None)) if _is_code(value)]
    kind = f"{name} [{' '.join(codes)}]" if codes else name
    if not isinstance(error, HARMLESS):
        return f"{kind}: {WITHHELD}" if str(error) else kind
    first_line = masked(str(error).strip().partition("\n")[0])[:500]
    return f"{kind}: {first_line}" if first_line else kind


def _is_code(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and re.fullmatch(r"[a-z_]{1,40}", value) is not None)


def traceback_lines(error: BaseException) -> Iterator[str]:
    """The exception after its causes, the first cause first. Of a frame only its code is shown, never its variables."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain and len(chain) < MAX_CAUSES:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    for cause in reversed(chain):
        for frame in traceback.extract_tb(cause.__traceback__, limit=-MAX_FRAMES):
            yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}: {(frame.line or "").strip()}'
        yield exception_line(cause)
        if isinstance(cause, BaseExceptionGroup):
            yield from (f"  within: {exception_line(inner)}" for inner in cause.exceptions[:10])
