"""Counts tokens locally: for reservations, for usage that a provider does not report, and for the simulator.

The encoding is cl100k_base for every model, from the file in the litellm package: exact for some models, close for
others. So usage that comes from here is marked as estimated wherever it is shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from engine.providers.llm import LLMRequest, Message
from engine.providers.tokenizers import PART_CHARS, encoding

ENCODING = "cl100k_base"
TOKENS_PER_MESSAGE = 3
TOKENS_PER_REPLY_START = 3
MAX_EXACT_CHARS = 400_000
ASIDE_CHARS = 20_000
"""Counting more than this takes longer than the event loop should be held up."""
COUNTING_THREADS = 2
CHARS_PER_TOKEN = 4
LEAST_REMEMBERED_CHARS = 500
MAX_REMEMBERED = 10_000
_counts: dict[tuple[int, int], int] = {}
"""Counts of long texts, by length and hash. The hash is seeded per process, so nobody can craft a collision."""


def count_text(text: str) -> int:
    """Tokens of a text. Beyond 400,000 characters the rest is estimated, which bounds the work to a fifth of a second:
    as many tokens per character as before, and at least one in four characters.

    Counts of long texts are remembered: counting a conversation anew at each turn would hold up all other runs.
    """
    if len(text) < LEAST_REMEMBERED_CHARS:
        return _count(text)
    key = (len(text), hash(text))
    tokens = _counts.get(key)
    if tokens is None:
        if len(_counts) >= MAX_REMEMBERED:
            _counts.clear()
        tokens = _counts[key] = _count(text)
    return tokens


def _count(text: str) -> int:
    exact, rest = min(len(text), MAX_EXACT_CHARS), len(text) - MAX_EXACT_CHARS
    tokens = sum(_count_part(text[at : min(at + PART_CHARS, exact)]) for at in range(0, exact, PART_CHARS))
    return tokens if rest <= 0 else tokens + max(rest // CHARS_PER_TOKEN, rest * tokens // MAX_EXACT_CHARS)


def _count_part(part: str) -> int:
    try:
        return len(encoding(ENCODING).encode_ordinary(part))
    except UnicodeEncodeError:  # lone surrogates cannot be encoded at all
        return len(encoding(ENCODING).encode_ordinary(part.encode("utf-8", "replace").decode()))


async def counts(texts: Sequence[str]) -> list[int]:
    """``count_text`` of each. Where that takes long it is done on another thread, so that the event loop goes on: the
    encoder does not hold the interpreter's lock."""
    new_chars = sum(len(text) for text in texts if (len(text), hash(text)) not in _counts)
    if new_chars <= ASIDE_CHARS:
        return [count_text(text) for text in texts]
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads(), lambda: [count_text(text) for text in texts])


async def count_ahead(request: LLMRequest) -> None:
    """Counts a request's long texts without holding up the event loop, so that ``count_request`` finds them counted."""
    texts = (text for message in request.messages for text in _texts_of(message))
    await counts([text for text in texts if len(text) >= LEAST_REMEMBERED_CHARS])


def count_request(request: LLMRequest) -> int:
    """Prompt tokens of everything that is sent: the messages, the tools, and the schema of the answer."""
    schema = request.response_schema
    schema_tokens = 0 if schema is None else count_text(json.dumps(schema, separators=(",", ":")))
    return count_messages(request.messages, request.tools) + schema_tokens


def count_messages(messages: Iterable[Message], tools: Iterable[dict[str, Any]] = ()) -> int:
    """Prompt tokens of a chat request, by OpenAI's published rule for messages; tools count as compact JSON."""
    total = TOKENS_PER_REPLY_START
    for message in messages:
        total += TOKENS_PER_MESSAGE + sum(count_text(text) for text in _texts_of(message))
    return total + sum(count_text(json.dumps(tool, separators=(",", ":"))) for tool in tools)


def _texts_of(message: Message) -> Iterator[str]:
    yield message.get("role", "")
    yield _as_text(message.get("content"))
    for call in message.get("tool_calls") or ():
        yield call["function"]["name"]
        yield call["function"]["arguments"]
        yield from _others(call, ("id", "type", "function"))
    yield from _others(message, ("role", "content", "tool_calls", "tool_call_id", "cache_control"))


def _others(data: dict[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    """What else is sent, such as a provider's own fields of a turn."""
    return (_as_text(value) for name, value in data.items() if name not in known)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":")) if value else ""


@cache
def _threads() -> ThreadPoolExecutor:
    """Of our own: asyncio's look up the names of hosts too, which must not wait for this."""
    return ThreadPoolExecutor(COUNTING_THREADS, thread_name_prefix="counting")
