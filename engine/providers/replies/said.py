"""What a model said, before anything of it is read: one assistant message in OpenAI's shape, and what is around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """``message`` is None where the answer holds none. ``usage``: figures in OpenAI's names, None where the provider
    stated none. ``finish_reason`` is as the provider calls it, ``why`` its words for that. ``error``: what the provider
    puts in the place of an answer. ``ttft_ms``: milliseconds to the first token, None if unknown."""

    message: Mapping[str, Any] | None
    finish_reason: str = ""
    why: str = ""
    usage: Mapping[str, Any] | None = None
    model: str = ""
    id: str = ""
    ttft_ms: int | None = None
    error: Any = None
