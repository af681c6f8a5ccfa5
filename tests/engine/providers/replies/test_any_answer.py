"""Whatever an answer holds, it is read or refused by name; and however it is cut into events, it is read the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ProviderError
from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.replies.assembling import Assembly
from engine.providers.replies.own_fields import given_back, own_fields_of
from engine.providers.replies.reading import read_reply
from engine.providers.replies.shape import shape_fault
from engine.providers.replies.wire import WireReply
from engine.spec.crew_spec import LLMSpec
from tests.engine.providers.replies.wires import TOOLS, USAGE

REQUEST = LLMRequest(LLMSpec(model="deepseek/m"), ({"role": "user", "content": "Hi"},), 99, tools=TOOLS)
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.sampled_from(
    [
        *("content", "refusal", "reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "tool_calls"),
        *("function_call", "provider_specific_fields", "extra_content", "function", "name", "arguments", "id", "index"),
        *("type", "text", "thinking", "signature", "data", "summary", "thought_signature", "usage"),
    ]
)
WORDS = st.sampled_from(
    [
        *("", "a", "thinking", "text", "reasoning.text", "web_search", "{}", '{"query": "a"}', "<think>", "</think>\n"),
        *("<tool_call>", "</tool_call>", "[TOOL_CALLS]", '{"name": "clock"}', "```", "null", "\x00", "\ud800"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
MESSAGES = st.dictionaries(NAMES, VALUES, max_size=6)
TEXTS = st.lists(WORDS | st.text(max_size=5), max_size=8).map("".join)


def read(wire: WireReply) -> LLMReply | None:
    try:
        return replace(read_reply(wire.said(), REQUEST), ttft_ms=None)
    except ProviderError:
        return None


@MANY
@given(message=MESSAGES, is_event=st.booleans(), more=MESSAGES, usage=MESSAGES, finish=WORDS)
def test_any_answer_is_read_or_refused_by_name(
    message: dict[str, Any], is_event: bool, more: dict[str, Any], usage: dict[str, Any], finish: str
) -> None:
    wire = WireReply()
    for part in (message, more):
        place = "delta" if is_event else "message"
        data = {"choices": [{place: part, "finish_reason": finish}], "usage": usage}
        wire.note(data)
        if shape_fault(data):
            return
        assert wire.take(data, is_event=is_event)
    reply = read(wire)
    if reply is not None:
        json.dumps(reply.own_fields)
        for text in (reply.text, reply.reasoning, *(call.name + call.arguments for call in reply.tool_calls)):
            text.encode()
            assert "\x00" not in text


@MANY
@given(data=MESSAGES, is_event=st.booleans())
def test_anything_may_be_noted_and_adapted(data: dict[str, Any], is_event: bool) -> None:
    wire = WireReply()
    wire.note(data)
    adapted = wire.adapted({"message": data, "done": True})
    if not shape_fault(adapted):
        wire.take(adapted, is_event=is_event)
        read(wire)


CALLS = st.lists(
    st.builds(
        lambda number, name, arguments: {
            "id": f"call_{number}",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        },
        st.integers(0, 10**6),
        st.sampled_from(["web_search", "clock", "calculator"]),
        st.dictionaries(st.text(max_size=3), st.text(max_size=6) | st.integers(), max_size=3),
    ),
    max_size=4,
    unique_by=lambda call: call["id"],
)


@MANY
@given(content=TEXTS, reasoning=TEXTS, calls=CALLS, cuts=st.integers(1, 4), same_index=st.booleans())
def test_however_it_is_cut_it_is_read_the_same(
    content: str, reasoning: str, calls: list[dict[str, Any]], cuts: int, same_index: bool
) -> None:
    message = {"content": content, "reasoning_content": reasoning, "tool_calls": calls}
    whole, streamed = WireReply(), WireReply()
    whole.take({"choices": [{"message": message}]}, is_event=False)
    deltas: list[dict[str, Any]] = [{"content": "", "reasoning_content": ""}]
    deltas += [{"reasoning_content": reasoning[at : at + cuts]} for at in range(0, len(reasoning), cuts)]
    deltas += [{"content": content[at : at + cuts]} for at in range(0, len(content), cuts)]
    for number, call in enumerate(calls):
        index, given = 0 if same_index else number, call["function"]["arguments"]
        head = call | {"index": index, "function": call["function"] | {"arguments": given[:cuts]}}
        deltas.append({"tool_calls": [head]})
        rest = [given[at : at + cuts] for at in range(cuts, len(given), cuts)]
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in rest]
    for delta in deltas:
        streamed.take({"choices": [{"delta": delta}]}, is_event=True)
    for wire in (whole, streamed):
        wire.note({"usage": USAGE})
    assert read(streamed) == read(whole)


@MANY
@given(message=MESSAGES)
def test_what_is_kept_for_the_provider_goes_back_as_it_came(message: dict[str, Any]) -> None:
    answer = Assembly()
    if shape_fault(data := {"choices": [{"message": message}]}):
        return
    answer.add(data, is_event=False)
    assert answer.message is not None
    own = own_fields_of(answer.message, (), "deepseek/m")
    turn = {"role": "assistant", "content": "x"} | ({"own_fields": own} if own else {})
    (sent,) = given_back((turn,), "deepseek/other")
    for name in ("reasoning_content", "reasoning"):
        if isinstance(message.get(name), str):
            assert sent[name] == message[name]
