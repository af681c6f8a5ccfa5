"""Counting tokens: in parts, so that no text is dear for what it is made of, and never for long on the event loop."""

from __future__ import annotations

import random
import string
import threading
from typing import Any

import pytest

from engine.providers import tokens
from engine.providers.llm import LLMRequest
from engine.spec.crew_spec import LLMSpec

LONG = "".join(random.Random(1).choices(string.ascii_letters, k=100_000))


class Watched:
    """The real encoder, which notes how long the texts were that it got, and on which threads."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.threads: set[int] = set()
        self._real = tokens.encoding(tokens.ENCODING)

    def encode_ordinary(self, text: str) -> list[int]:
        self.lengths.append(len(text))
        self.threads.add(threading.get_ident())
        return self._real.encode_ordinary(text)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(tokens, "encoding", lambda name: watched)
    monkeypatch.setattr(tokens, "_counts", {})
    return watched


def request(*texts: str) -> LLMRequest:
    messages: tuple[dict[str, Any], ...] = tuple({"role": "user", "content": text} for text in texts)
    return LLMRequest(llm=LLMSpec(model="gpt-4o"), messages=messages, max_tokens=0)


@pytest.mark.parametrize(
    "text", [LONG, " " * 100_000, "\n" * 100_000, "word " * 20_000, "\U0001f642" * 20_000, "half \ud800 " * 5_000]
)
def test_a_long_text_is_counted_in_parts_and_as_exactly_as_in_one(encoder: Watched, text: str) -> None:
    counted = tokens.count_text(text)
    assert max(encoder.lengths) <= tokens.PART_CHARS
    parts = len(encoder.lengths)
    whole = len(encoder.encode_ordinary(text.encode("utf-8", "replace").decode()))
    assert whole <= counted <= whole + 2 * parts


def test_what_is_beyond_the_bound_is_estimated(encoder: Watched) -> None:
    counted = tokens.count_text(LONG * 40)
    assert sum(encoder.lengths) == tokens.MAX_EXACT_CHARS
    assert counted == pytest.approx(40 * tokens.count_text(LONG), rel=0.01)


async def test_a_request_with_long_texts_is_counted_on_another_thread(encoder: Watched) -> None:
    asked = request(LONG, "A short one.", LONG[:50_000])
    await tokens.count_ahead(asked)
    assert threading.get_ident() not in encoder.threads
    encoder.lengths.clear()
    counted = tokens.count_request(asked)
    assert sum(encoder.lengths) < 100  # the rest was counted already
    assert counted > tokens.count_text(LONG)


async def test_many_texts_of_middle_length_are_counted_on_another_thread_too(encoder: Watched) -> None:
    asked = request(*(LONG[at : at + 1_000] for at in range(0, 30_000, 1_000)))
    await tokens.count_ahead(asked)
    assert threading.get_ident() not in encoder.threads


async def test_a_short_text_is_counted_at_once(encoder: Watched) -> None:
    assert await tokens.counts(["Hello", "world"]) == [1, 1]
    assert encoder.threads == {threading.get_ident()}
