"""How many tokens a request may have: whether a prompt fits a model's window, and how long the reply may be."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.catalogue import price_list
from engine.errors import ContextTooLong, Room
from engine.providers.refusals.room import LEAST_ANSWER_TOKENS
from engine.spec.crew_spec import LLMSpec
from engine.text import counted

DEFAULT_MAX_TOKENS = 4096
"""The reply's bound, and so the bound of its cost, where the spec sets none; enough for some 3,000 words."""
DEFAULT_MAX_TOKENS_REASONING = 16_384
"""The same for models that reason: they spend most of their tokens before the first visible word."""
LEAST_MAX_TOKENS = LEAST_ANSWER_TOKENS
"""A prompt that leaves less than this for the reply does not fit."""
COUNTING_ERROR = 1.1
"""Our counts use one encoding for all models; a model's own count may be higher by this factor."""
SPARE_TOKENS = 50


@dataclass(slots=True)
class ModelRoom:
    """What a model's server said about it. ``more``: its tokens of a prompt beyond those that we expect."""

    window: int | None = None
    most: int | None = None
    more: int = 0

    def in_its_tokens(self, prompt_tokens: int) -> int:
        """The prompt as the model counts it, by our own count."""
        return round(prompt_tokens * COUNTING_ERROR) + self.more


@dataclass(slots=True)
class KnownRoom:
    """What servers said in this run about their models' room. It counts more than the price list: a server of one's own
    is often started with a smaller window than the model could have."""

    _models: dict[str, ModelRoom] = field(default_factory=dict)

    def of(self, model: str) -> ModelRoom:
        """What is known of the model. Nothing was said yet: the price list's window."""
        if model in self._models:
            return self._models[model]
        facts = price_list.facts(model)
        return ModelRoom(window=facts.context_tokens if facts else None)

    def learn(self, llm: LLMSpec, room: Room, *, prompt_tokens: int, asked: int) -> bool:
        """Notes what a refusal said; returns whether the model may take the same prompt with a shorter answer.

        ``asked``: the most tokens of the answer that was asked for.
        """
        says_nothing = room.window is None and room.most is None
        if says_nothing or (room.a_minute and (room.window or 0) < (room.prompt or 0) + LEAST_MAX_TOKENS):
            return False  # a minute's tokens are no window: shorter texts are not the only way out
        known = self._models.setdefault(llm.model, self.of(llm.model))
        known.most = room.most if known.most is None or room.most is not None else known.most
        if room.window is not None:
            known.window = room.window
            left = room.window - (room.prompt or 0)
            if room.prompt is None or left >= asked - 1:
                left = asked // 2  # the prompt has so many tokens or more: vLLM stops counting at its window
            said = room.window - left
            known.more = max(known.more, said - round(prompt_tokens * COUNTING_ERROR))
        takes_less = LEAST_MAX_TOKENS <= max_tokens_for(llm, prompt_tokens, self) < asked
        return takes_less and self.has_room(llm, prompt_tokens)

    def has_room(self, llm: LLMSpec, prompt_tokens: int) -> bool:
        """Whether the prompt leaves room for a reply in the model's window. True if the window is unknown."""
        known = self.of(llm.model)
        return known.window is None or known.in_its_tokens(prompt_tokens) + LEAST_MAX_TOKENS <= known.window

    def refuse_too_long(self, llm: LLMSpec, prompt_tokens: int) -> None:
        """Raises ``ContextTooLong`` if the prompt leaves no room for a reply in the model's window."""
        if not self.has_room(llm, prompt_tokens):
            window = self.of(llm.model).window
            message = f"The prompt has {counted(prompt_tokens, 'token')}; {llm.model} takes {window:,} with the answer."
            raise ContextTooLong(message)

    def prompt_tokens(self, model: str) -> int | None:
        """The longest prompt that fits, in our own count of tokens; None if the window is unknown."""
        known = self.of(model)
        if known.window is None:
            return None
        return max(0, int((known.window - LEAST_MAX_TOKENS - known.more) / COUNTING_ERROR))

    def said_by_server(self, model: str) -> bool:
        """Whether the model's server itself said how much room there is."""
        return model in self._models


def max_tokens_for(llm: LLMSpec, prompt_tokens: int, known: KnownRoom) -> int:
    """The most tokens of the reply: the spec's bound or a default, within what the model can give and has room for.

    A bound of the spec is lowered only for what the server itself said.
    """
    facts = price_list.facts(llm.model) or price_list.ModelFacts()
    room = known.of(llm.model)
    max_tokens = llm.max_tokens or (DEFAULT_MAX_TOKENS_REASONING if facts.reasoning else DEFAULT_MAX_TOKENS)
    for most in (facts.max_output_tokens, room.most):
        max_tokens = max_tokens if most is None else min(max_tokens, most)
    if room.window is not None and (llm.max_tokens is None or known.said_by_server(llm.model)):
        left = room.window - room.in_its_tokens(prompt_tokens) - SPARE_TOKENS
        max_tokens = min(max_tokens, max(LEAST_MAX_TOKENS, left))
    return max_tokens
