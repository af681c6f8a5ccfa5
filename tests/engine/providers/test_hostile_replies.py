"""What one reply of a hostile provider may cost the event loop in processor time, measured in a child process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from engine.providers.replies.shape import shape_fault
from tests.application import ROOT
from tests.engine.providers.hostile_replies import EVENTS, KINDS, ask
from tests.openai_server import Fault, OpenAIServer

MOST_CPU_S = 1.5
"""Most of them took 2 to 15 s, and on a busy machine ten times as long by the clock."""
USABLE = {
    "an ordinary one",
    "marks of calls in a text",
    "marks of arguments without end",
    "marks of parameters without end",
    "marks of thoughts",
    "beginnings of JSON",
    "spaces",
    "a deep argument",
    "a log probability of the wrong kind",
    "stream: lists behind an odd line end",
}


@pytest.fixture(scope="module")
def costs() -> dict[str, dict[str, Any]]:
    program = [sys.executable, "-m", "tests.engine.providers.hostile_replies"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"kind"')]
    return {line["kind"]: line for line in lines}


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_takes_the_event_loop_for_long(costs: dict[str, dict[str, Any]], kind: str) -> None:
    assert kind in costs, "the program was ended by its bound of memory or processor time"
    assert costs[kind]["cpu_s"] < MOST_CPU_S
    assert len(costs[kind]["said"]) < 1100
    assert (costs[kind]["said"] == "a reply") == (kind in USABLE), costs[kind]["said"]


async def test_a_stream_of_tiny_events_leaves_the_loop_to_others() -> None:
    """They had a turn for each 16 kB, which are 350 events."""
    fault = Fault(200, 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' * 5000 + "data: [DONE]\n\n", EVENTS)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    busy = asyncio.create_task(others())
    with OpenAIServer(lambda body: fault) as server:
        await ask(server.port, stream=True)
    busy.cancel()
    assert turns > 500


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ({"choices": [{"message": {"content": "a", "tool_calls": 5}}]}, "its tool_calls is of the wrong kind"),
        ({"choices": [{"message": {"content": 5}}]}, "its content is of the wrong kind"),
        ({"choices": [{"message": {"tool_calls": [{"function": {"arguments": 5}}]}}]}, "its arguments is of"),
        ({"choices": [{"delta": {"tool_calls": ["a"]}}]}, "one of its tool calls is no object"),
        ({"choices": [{"delta": {"tool_calls": [{}] * 1001}}]}, "it holds 1,001 tool calls"),
        ({"choices": ["a"]}, "one of its choices is no object"),
        ({"choices": {}}, "its choices is of the wrong kind"),
        ({"choices": [], "usage": [1]}, "its usage is of the wrong kind"),
        ({"content": [{"name": "a" * 10_001}]}, "its name has 10,001 characters"),
    ],
)
def test_what_is_no_reply_is_named(reply: dict[str, Any], fault: str) -> None:
    assert shape_fault(reply).startswith(fault)


@pytest.mark.parametrize(
    "reply",
    [
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": None}}]},
        {"choices": [{"message": {"content": [{"type": "text", "text": "a"}]}, "finish_reason": None}], "usage": None},
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]},
        {"choices": None},
        {"type": "message", "content": [{"type": "text", "text": "Anthropic's"}], "usage": {"input_tokens": 1}},
        {"candidates": [{"content": {"parts": [{"text": "Google's"}]}, "finishReason": "STOP"}]},
    ],
)
def test_replies_of_all_providers_pass(reply: dict[str, Any]) -> None:
    assert shape_fault(reply) == ""
