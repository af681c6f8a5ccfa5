"""What each refusal means: its kind, the pause, the room, whether it is asked again, and what people read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.providers.refusals.meaning import meaning
from engine.providers.refusals.pauses import MAX_PAUSE_S, pause_s, span_s
from engine.providers.refusals.said import MAX_WORDS_CHARS, said, tidy
from engine.providers.refusals.sentences import in_words, sentence
from tests.engine.providers.refusals.bodies import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_refusal_is_taken_for_what_it_is(case: Case) -> None:
    refusal = meaning(case.status, case.headers, case.bytes, prompt=1000, asked=case.asked)
    assert (refusal.kind, refusal.retryable) == (case.kind, case.retryable)
    assert refusal.pause_s == (None if case.pause_s is None else pytest.approx(case.pause_s))
    assert refusal.room == case.room
    assert case.shows in sentence(refusal)


def test_only_keys_are_blamed_on_keys() -> None:
    for case in CASES:
        text = sentence(meaning(case.status, case.headers, case.bytes)).partition("It says")[0]
        assert ("key" in text) == (case.kind in ("key", "permission")), case.name


def test_a_moment_since_1970_and_a_date_are_spans_from_now() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    texts = (
        str(later.timestamp()),
        str(int(later.timestamp() * 1000)),
        later.isoformat(),
        later.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    for text in texts:
        assert span_s(text) == pytest.approx(90, abs=2), text


def test_a_gateway_quotes_the_reset_in_its_body() -> None:
    later = int((datetime.now(UTC) + timedelta(hours=5)).timestamp() * 1000)
    body = {
        "error": {
            "code": 429,
            "message": "Rate limit exceeded: free-models-per-day",
            "metadata": {
                "headers": {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(later)}
            },
        }
    }
    assert meaning(429, {}, json.dumps(body).encode()).pause_s == pytest.approx(5 * 3600, abs=5)


@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "retry-after",
                "retry-after-ms",
                "x-ratelimit-reset",
                "x-ratelimit-reset-tokens",
                "x-ratelimit-remaining-tokens",
                "anthropic-ratelimit-requests-reset",
            ]
        ),
        st.text(),
    ),
    body=st.binary(max_size=400),
    status=st.integers(400, 599),
)
def test_whatever_is_sent_has_a_meaning(headers: dict[str, str], body: bytes, status: int) -> None:
    refusal = meaning(status, headers, body, prompt=10, asked=10)
    assert refusal.pause_s is None or 0 <= refusal.pause_s <= MAX_PAUSE_S
    assert len(sentence(refusal)) < MAX_WORDS_CHARS + 300


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "code", "details", "x"]), inner)
        ),
    )
)
def test_whatever_json_a_body_is_can_be_read(value: object) -> None:
    words = said(json.dumps(value).encode()).words
    assert len(words) <= MAX_WORDS_CHARS + 1


def test_no_traceback_no_path_and_no_key_is_shown() -> None:
    told = tidy(
        "Internal error in /usr/lib/python3/site-packages/vllm/engine.py:40 with key sk-live-abcdefgh\n"
        'Traceback (most recent call last):\n  File "/srv/app/main.py", line 3, in run\nKeyError'
    )
    assert told == "Internal error in [a file] with key [key]"
    assert (
        tidy("Call `/v1/models` to see https://example.com/a/b.py")
        == "Call `/v1/models` to see https://example.com/a/b.py"
    )


def test_pauses_are_read_in_their_order() -> None:
    nothing = said(b"")
    assert pause_s({"retry-after": "3", "x-ratelimit-reset": "9"}, nothing) == 3
    assert pause_s({"retry-after": "x", "retry-after-ms": "y"}, nothing) is None
    assert pause_s({}, said(b"nothing about time")) is None


@pytest.mark.parametrize(("seconds", "words"), [(0.886, "0.89 s"), (22, "22 s"), (432, "7 min"), (30_000, "8 h")])
def test_spans_are_told_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
