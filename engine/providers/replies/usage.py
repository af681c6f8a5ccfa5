"""What a provider's figures of usage mean, by whatever names it gives them; and our own count where it gives none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.catalogue.pricing import Usage
from engine.providers import tokens
from engine.providers.llm import LLMRequest

MAX_BELIEVABLE_TOKENS = 100_000_000
PROMPT = ("prompt_tokens", "promptTokenCount", "prompt_eval_count", "inputTokens", "input_tokens")
COMPLETION = ("completion_tokens", "eval_count", "outputTokens", "output_tokens")
TOTAL = ("total_tokens", "totalTokenCount", "totalTokens")
CACHED = (
    "prompt_tokens_details.cached_tokens",
    "input_tokens_details.cached_tokens",
    "prompt_cache_hit_tokens",  # DeepSeek
    "cached_tokens",  # Moonshot
    "cachedContentTokenCount",
    "cache_read_input_tokens",
    "cacheReadInputTokens",
)
WRITTEN = (
    "cache_creation_input_tokens",
    "prompt_tokens_details.cache_write_tokens",
    "prompt_tokens_details.cache_creation_tokens",
    "cacheWriteInputTokens",
)
BESIDE_INPUT = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens", "cacheReadInputTokens"})
"""Who uses these names counts what is cached beside the input, and not within it: Anthropic, and Bedrock."""
REASONING = (
    "completion_tokens_details.reasoning_tokens",
    "output_tokens_details.reasoning_tokens",
    "thoughtsTokenCount",
)


def read_usage(figures: Mapping[str, Any] | None, request: LLMRequest, written: str) -> Usage:
    """The provider's figures. Where one is missing or cannot be true, it is counted here and all are marked as
    estimated. ``written``: all that the model wrote."""
    stated = stated_usage(figures, wrote=bool(written))
    if stated is not None:
        return stated
    prompt, completion = (_first(figures or {}, names) for names in (PROMPT, COMPLETION))
    return Usage(
        prompt_tokens=prompt or tokens.count_request(request),
        completion_tokens=completion or tokens.count_text(written),
        estimated=True,
    )


def stated_usage(figures: Mapping[str, Any] | None, *, wrote: bool = False) -> Usage | None:
    """The provider's figures as they are billed; None if one is missing or cannot be true.

    ``wrote``: the model wrote something, so that a completion of no tokens cannot be true.
    """
    if not figures:
        return None
    prompt, completion, total = (_first(figures, names) for names in (PROMPT, COMPLETION, TOTAL))
    cached, written, reasoning = (_first(figures, names) or 0 for names in (CACHED, WRITTEN, REASONING))
    if "candidatesTokenCount" in figures or "thoughtsTokenCount" in figures:  # Google counts thoughts beside the answer
        completion = (_count(figures.get("candidatesTokenCount")) or 0) + reasoning
    if prompt is not None and "prompt_tokens" not in figures and BESIDE_INPUT.intersection(figures):
        prompt += cached + written
    if completion is None and prompt is not None and total is not None:
        completion = max(0, total - prompt)
    if not prompt or completion is None or (completion == 0 and wrote):
        return None
    if reasoning and total == prompt + completion + reasoning:  # xAI counts reasoning beside the answer
        completion += reasoning
    cached = min(cached, prompt)
    return Usage(
        prompt_tokens=prompt,
        cached_prompt_tokens=cached,
        cache_write_tokens=min(written, prompt - cached),
        completion_tokens=completion,
        reasoning_tokens=min(reasoning, completion),
    )


def with_reasoning_counted(usage: Usage, reasoning: str) -> Usage:
    """The usage; if it is estimated, with the share of reasoning in it."""
    if not usage.estimated or not reasoning:
        return usage
    return replace(usage, reasoning_tokens=min(tokens.count_text(reasoning), usage.completion_tokens))


def _first(figures: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first believable figure of these names. A dot leads into a group of figures.

    A figure of 0 yields to a later one that is more: LiteLLM fills in zeros.
    """
    found: int | None = None
    for name in names:
        group, dot, inner = name.partition(".")
        place = figures.get(group) if dot else figures
        count = _count(place.get(inner if dot else group)) if isinstance(place, Mapping) else None
        if count:
            return count
        found = count if found is None else found
    return found


def _count(value: Any) -> int | None:
    """A count of tokens, or None if it is missing or not believable. Some servers write figures as texts, or 12.0."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_BELIEVABLE_TOKENS:
        return None
    return value
