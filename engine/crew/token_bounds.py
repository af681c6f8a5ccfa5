"""How many tokens a request may have: whether a prompt fits a model's window, and how long the reply may be."""

from __future__ import annotations

from engine.catalogue import price_list
from engine.errors import ContextTooLong
from engine.spec.crew_spec import LLMSpec
from engine.text import counted

DEFAULT_MAX_TOKENS = 4096
"""The reply's bound, and so the bound of its cost, where the spec sets none; enough for some 3,000 words."""
DEFAULT_MAX_TOKENS_REASONING = 16_384
"""The same for models that reason: they spend most of their tokens before the first visible word."""
LEAST_MAX_TOKENS = 256
"""A prompt that leaves less than this for the reply does not fit."""
COUNTING_ERROR = 1.1
"""Our counts use one encoding for all models; a model's own count may be higher by this factor."""


def max_tokens_for(llm: LLMSpec, prompt_tokens: int) -> int:
    """The most tokens of the reply: the spec's bound or a default, within what the model can give and has room for."""
    facts = price_list.facts(llm.model) or price_list.ModelFacts()
    max_tokens = llm.max_tokens or (DEFAULT_MAX_TOKENS_REASONING if facts.reasoning else DEFAULT_MAX_TOKENS)
    if facts.max_output_tokens is not None:
        max_tokens = min(max_tokens, facts.max_output_tokens)
    if facts.context_tokens is not None and llm.max_tokens is None:
        max_tokens = min(
            max_tokens, max(LEAST_MAX_TOKENS, facts.context_tokens - round(prompt_tokens * COUNTING_ERROR) - 50)
        )
    return max_tokens


def refuse_too_long(llm: LLMSpec, prompt_tokens: int) -> None:
    """Raises ``ContextTooLong`` if the prompt leaves no room for a reply in the model's window."""
    if not fits(llm, prompt_tokens):
        facts = price_list.facts(llm.model)
        window = facts.context_tokens if facts else None
        raise ContextTooLong(
            f"The prompt has {counted(prompt_tokens, 'token')}; {llm.model} takes {window:,} with the answer."
        )


def fits(llm: LLMSpec, prompt_tokens: int) -> bool:
    """Whether the prompt leaves room for a reply in the model's window. True if the window is unknown."""
    facts = price_list.facts(llm.model)
    if facts is None or facts.context_tokens is None:
        return True
    return prompt_tokens * COUNTING_ERROR + LEAST_MAX_TOKENS <= facts.context_tokens
