"""Why an answer ended: each provider's word in OpenAI's few, and which of them mean that the model did not answer."""

from __future__ import annotations

import json
from typing import Any

LENGTH = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "max_length", "model_context_window_exceeded"}
)
CALLS = frozenset({"tool_calls", "tool_call", "function_call", "tool_use"})
STOP = frozenset(
    {
        "",
        "finish_reason_unspecified",
        "stop",
        "eos",
        "eos_token",
        "end_turn",
        "stop_sequence",
        "complete",
        "completed",
        "end",
    }
)
REFUSED = frozenset(
    {
        *("content_filter", "content_filtered", "content-filter"),  # OpenAI, Azure, Bedrock, OpenRouter
        "refusal",  # Anthropic
        *("safety", "recitation", "blocklist", "prohibited_content", "spii", "model_armor", "jailbreak"),  # Google
        *("image_safety", "image_prohibited_content", "image_recitation"),
        "guardrail_intervened",  # Bedrock
        "error_toxic",  # Cohere
        "sensitive",  # Zhipu
    }
)
REFUSED_AS_WRITTEN = frozenset({"LANGUAGE", "OTHER", "IMAGE_OTHER"})
"""Google's too. Elsewhere these words, in small letters, may mean anything."""
BROKEN = frozenset(
    {"error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled", "engine_error"}
)
"""The provider could not go on: OpenRouter's, Zhipu's, DeepSeek's and vLLM's words."""
CODES_OF_REFUSALS = frozenset(
    {
        *("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "content_blocked"),
        *("safety", "prohibited_content", "blocklist", "spii", "recitation", "moderation_blocked", "jailbreak"),
    }
)
"""Of errors: some providers refuse a prompt with a status of 400, and bill nothing."""


def finish_reason_of(word: str, *, has_calls: bool) -> str:
    """``stop``, ``length``, ``tool_calls``, ``content_filter``, or the provider's own word if it is another."""
    lowered = word.strip().lower()
    if lowered in LENGTH:
        return "length"
    if is_refusal(word):
        return "content_filter"
    if lowered in STOP or lowered in CALLS:
        return "tool_calls" if has_calls else "stop"
    return word


def is_refusal(word: str) -> bool:
    return word.strip().lower() in REFUSED or word in REFUSED_AS_WRITTEN


def is_broken(word: str) -> bool:
    return word.strip().lower() in BROKEN


def refusal_in_error(body: str) -> str:
    """The provider's words where its error says that it refuses the prompt for what it holds; "" if it says else."""
    try:
        error: Any = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return ""
    if not isinstance(error, dict):
        return ""
    inner = error.get("innererror")
    places = (error, inner) if isinstance(inner, dict) else (error,)
    codes = [place.get(name) for place in places for name in ("code", "type", "status")]
    if not any(isinstance(code, str) and code.lower() in CODES_OF_REFUSALS for code in codes):
        return ""
    return str(error.get("message") or "It gives no reason.")
