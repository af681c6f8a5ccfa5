"""Makes room in a model's window: the model summarises the longest texts of a conversation, and they say so.

Only what others wrote is shortened: outputs of earlier tasks and tool results. The user's own words never are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.concurrency import all_of
from engine.crew.model_calls import Calls
from engine.crew.prompt import summary_messages
from engine.crew.token_bounds import KnownRoom
from engine.errors import ContextTooLong, ModelMistake
from engine.providers.llm import LLMRequest, Message
from engine.providers.tokens import count_ahead, counts

ROOM_SHARE = 0.6
"""Afterwards the messages fill this share of the window, so that the conversation can go on for a while."""
CHUNK_SHARE = 0.5
"""A text longer than this share of the window is summarised in pieces."""
LEAST_TOKENS = 200
"""Shorter texts are not worth a request."""
UNKNOWN_WINDOW_SHARE = 0.7
"""An unknown window is taken to be this share of the prompt that was too long for it."""
MAX_TAG = 20
"""The note may begin so many characters later: after the tag around a tool's output."""
NOTE = "[Shortened to fit the model's window; a summary of a longer text follows.]\n"

Position = tuple[Literal["context", "message"], int]
"""Which context output, or which message, a text is."""


@dataclass(frozen=True, slots=True)
class LongText:
    """A text that may be shortened."""

    text: str
    position: Position


async def shorten(
    calls: Calls, messages: list[Message], texts: Sequence[LongText], too_long: ContextTooLong
) -> dict[Position, str]:
    """Summaries of the longest texts, by position. Raises ``too_long`` if there is nothing to shorten."""
    request = LLMRequest(llm=calls.agent.llm, messages=tuple(messages), max_tokens=0)
    await count_ahead(request)
    total = calls.runtime.llm.count_tokens(request)
    tokens_of = await counts([item.text for item in texts])
    window = window_tokens(calls.agent.llm.model, total, calls.runtime.room)
    excess = math.ceil(total - window * ROOM_SHARE)
    chosen: list[tuple[LongText, int]] = []
    for long_text, tokens in sorted(zip(texts, tokens_of, strict=True), key=_rank):
        if excess <= 0:
            break
        if tokens < LEAST_TOKENS:
            continue
        goal_tokens = max(LEAST_TOKENS // 2, tokens - excess)
        chosen.append((long_text, goal_tokens))
        excess -= tokens - goal_tokens
    if not chosen:
        raise too_long
    # Each summary has a branch of steps of its own, since their requests end in any order.
    branches = [calls.of_coworker(calls.agent, step=calls.next_step()) for _ in chosen]
    summaries = await all_of(
        _summary(branch, long_text.text, goal_tokens, window)
        for branch, (long_text, goal_tokens) in zip(branches, chosen, strict=True)
    )
    return {long_text.position: summary for (long_text, _), summary in zip(chosen, summaries, strict=True)}


def window_tokens(model: str, refused_tokens: int, room: KnownRoom) -> int:
    """The usable window, in our own count of tokens. Never more than the prompt that was just refused."""
    most = room.prompt_tokens(model)
    return int(refused_tokens * UNKNOWN_WINDOW_SHARE) if most is None else min(most, refused_tokens)


async def _summary(calls: Calls, text: str, goal_tokens: int, window: int) -> str:
    """The text in about so many tokens; piece by piece if it does not fit the window itself."""
    (tokens,) = await counts([text])
    pieces = max(1, math.ceil(tokens / (window * CHUNK_SHARE)))
    size = math.ceil(len(text) / pieces)
    words = max(40, int(goal_tokens * 0.7 / pieces))
    return NOTE + "\n".join(
        [await _piece_summary(calls, text[at : at + size], words) for at in range(0, len(text), size)]
    )


async def _piece_summary(calls: Calls, text: str, words: int) -> str:
    """The summary of one piece. If even that is too long for an unknown window, the summaries of its halves."""
    try:
        reply = await calls.ask(summary_messages(text, words=words))
    except ContextTooLong:
        (tokens,) = await counts([text])
        if tokens < LEAST_TOKENS:
            raise
        half = len(text) // 2
        return "\n".join(
            [await _piece_summary(calls, part, max(20, words // 2)) for part in (text[:half], text[half:])]
        )
    if not reply.text.strip():
        raise ModelMistake("The model was to shorten a text for its window, and gave nothing.")
    return reply.text.strip() + (" [cut here]" if reply.finish_reason == "length" else "")


def _rank(text_and_tokens: tuple[LongText, int]) -> tuple[bool, int]:
    """Sorts the longest first, and texts that are summaries already last."""
    long_text, tokens = text_and_tokens
    return NOTE in long_text.text[: len(NOTE) + MAX_TAG], -tokens
