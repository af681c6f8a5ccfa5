"""Counts tokens locally: for reservations, for usage that a provider does not report, and for the simulator.

The encoding is cl100k_base for every model, from the file in the litellm package: exact for some models, close for
others. So usage that comes from here is marked as estimated wherever it is shown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cache
from typing import Any

import tiktoken

from engine.catalogue.price_list import package_folder
from engine.providers.llm import LLMRequest, Message

TOKENS_PER_MESSAGE = 3
TOKENS_PER_REPLY_START = 3
MAX_EXACT_CHARS = 400_000
CHARS_PER_TOKEN = 4
LEAST_REMEMBERED_CHARS = 500
MAX_REMEMBERED = 10_000
_counts: dict[tuple[int, int], int] = {}
"""Counts of long texts, by length and hash. The hash is seeded per process, so nobody can craft a collision."""


def count_text(text: str) -> int:
    """Tokens of a text. Beyond 400,000 characters the rest is estimated, which bounds the work: as many tokens per
    character as before, and at least one in four characters.

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
    head, rest = text[:MAX_EXACT_CHARS], len(text) - MAX_EXACT_CHARS
    try:
        tokens = len(_encoding().encode_ordinary(head))
    except UnicodeEncodeError:  # lone surrogates cannot be encoded at all
        tokens = len(_encoding().encode_ordinary(head.encode("utf-8", "replace").decode()))
    return tokens if rest <= 0 else tokens + max(rest // CHARS_PER_TOKEN, rest * tokens // MAX_EXACT_CHARS)


def count_request(request: LLMRequest) -> int:
    """Prompt tokens of everything that is sent: the messages, the tools, and the schema of the answer."""
    schema = request.response_schema
    schema_tokens = 0 if schema is None else count_text(json.dumps(schema, separators=(",", ":")))
    return count_messages(request.messages, request.tools) + schema_tokens


def count_messages(messages: Iterable[Message], tools: Iterable[dict[str, Any]] = ()) -> int:
    """Prompt tokens of a chat request, by OpenAI's published rule for messages; tools count as compact JSON."""
    total = TOKENS_PER_REPLY_START
    for message in messages:
        total += TOKENS_PER_MESSAGE + count_text(message.get("role", ""))
        total += count_text(message.get("content") or "")
        for call in message.get("tool_calls") or ():
            total += count_text(call["function"]["name"]) + count_text(call["function"]["arguments"])
    return total + sum(count_text(json.dumps(tool, separators=(",", ":"))) for tool in tools)


@cache
def _encoding() -> tiktoken.Encoding:
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(package_folder() / "litellm_core_utils" / "tokenizers"))
    return tiktoken.get_encoding("cl100k_base")
