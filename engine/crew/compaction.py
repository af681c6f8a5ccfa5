"""Making room in a model's window: the longest texts of a conversation are summarised by the model, and say so.

The user's own words are never touched; what is shortened is what others wrote: earlier outputs and tool results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.catalogue import price_list
from engine.concurrency import all_of
from engine.crew.model_calls import COUNTING_ERROR, LEAST_MAX_TOKENS, Calls
from engine.crew.prompt import summary_messages
from engine.errors import ContextTooLong, ModelMistake
from engine.providers.llm import LLMRequest, Message
from engine.providers.tokens import count_text

ROOM_SHARE = 0.6
"""What is left may fill this much of the window, so that the conversation can go on for a while."""
CHUNK_SHARE = 0.5
LEAST_TOKENS = 200
"""Shorter texts are not worth a call."""
UNKNOWN_WINDOW_SHARE = 0.7
MAX_TAG = 20
"""The fence around a tool's output comes before the note."""
NOTE = "[Shortened to fit the model's window; a summary of a longer text follows.]\n"

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A text that may be shortened, and where it stands."""

    text: str
    place: Place


async def shorten(
    calls: Calls, messages: list[Message], parts: Sequence[Part], too_long: ContextTooLong
) -> dict[Place, str]:
    """Shorter texts for the longest parts. Raises ``too_long`` if even all of them would not make room."""
    request = LLMRequest(llm=calls.agent.llm, messages=tuple(messages), max_tokens=0)
    total = calls.runtime.llm.count_tokens(request)
    window = window_tokens(calls.agent.llm.model, total)
    excess = math.ceil(total - window * ROOM_SHARE)
    chosen: list[tuple[Part, int]] = []
    for part, tokens in sorted(((part, count_text(part.text)) for part in parts), key=_rank):
        if excess <= 0:
            break
        if tokens < LEAST_TOKENS:
            continue
        goal = max(LEAST_TOKENS // 2, tokens - excess)
        chosen.append((part, goal))
        excess -= tokens - goal
    if not chosen:
        raise too_long
    lines = [calls.of_coworker(calls.agent, step=calls.next_step()) for _ in chosen]
    texts = await all_of(
        _summary(line, part.text, goal, window) for line, (part, goal) in zip(lines, chosen, strict=True)
    )
    return {part.place: text for (part, _), text in zip(chosen, texts, strict=True)}


def window_tokens(model: str, refused_tokens: int) -> int:
    """The window, less what counting may be wrong by; where nobody knows it, less than what was just refused."""
    facts = price_list.facts(model)
    known = facts.context_tokens if facts is not None else None
    if known is None:
        return int(refused_tokens * UNKNOWN_WINDOW_SHARE)
    return min(int((known - LEAST_MAX_TOKENS) / COUNTING_ERROR), refused_tokens)


async def _summary(calls: Calls, text: str, goal_tokens: int, window: int) -> str:
    """The text in about so many tokens: piece by piece where it is longer than a window itself."""
    pieces = max(1, math.ceil(count_text(text) / (window * CHUNK_SHARE)))
    size = math.ceil(len(text) / pieces)
    words = max(40, int(goal_tokens * 0.7 / pieces))
    return NOTE + "\n".join([await _piece(calls, text[at : at + size], words) for at in range(0, len(text), size)])


async def _piece(calls: Calls, text: str, words: int) -> str:
    """One piece's summary; where even the piece is too long for a window that nobody knew, that of its halves."""
    try:
        reply = await calls.ask(summary_messages(text, words=words))
    except ContextTooLong:
        if count_text(text) < LEAST_TOKENS:
            raise
        half = len(text) // 2
        return "\n".join([await _piece(calls, part, max(20, words // 2)) for part in (text[:half], text[half:])])
    if not reply.text.strip():
        raise ModelMistake("The model was to shorten a text for its window, and gave nothing.")
    return reply.text.strip() + (" [cut here]" if reply.finish_reason == "length" else "")


def _rank(pair: tuple[Part, int]) -> tuple[bool, int]:
    """The longest first; summaries only once nothing else is left."""
    part, tokens = pair
    return NOTE in part.text[: len(NOTE) + MAX_TAG], -tokens
