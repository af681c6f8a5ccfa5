"""Each oddity of a provider's answer, whole and in events: the same reply, which says what was said and what was paid.

The table of these cases with their sources is in docs/providers.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.providers.llm import LLMReply
from tests.engine.providers.replies.wires import (
    EVENTS,
    STATED,
    TOOLS,
    USAGE,
    ask,
    call,
    calls_in,
    events,
    failure,
    figures,
    in_events,
    pieces,
    whole,
)
from tests.openai_server import Fault

QUERY = '{"query": "teal"}'
SEARCH = [("web_search", QUERY)]
FIRST, SECOND = '{"query": "a"}', '{"query": "b"}'
BOTH = [("web_search", FIRST), ("web_search", SECOND)]


@dataclass(frozen=True)
class Case:
    """A message as it comes, and what is to be read of it. ``events``: instead of the message in pieces."""

    message: dict[str, Any]
    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    finish: Any = "stop"
    reads: str = ""
    usage: Any = field(default_factory=lambda: USAGE)
    figures: tuple[int, int, int, int, bool] | None = STATED
    events: Fault | None = None

    def fault(self, *, stream: bool) -> Fault:
        if not stream:
            return whole(self.message, finish=self.finish, usage=self.usage)
        return self.events or in_events(*pieces(self.message), finish=self.finish, usage=self.usage)


def says(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content} | more


def calls(*made: dict[str, Any], content: Any = None) -> dict[str, Any]:
    return says(content, tool_calls=list(made))


def piece(index: Any, *, name: Any = None, arguments: Any = None, call_id: Any = None) -> dict[str, Any]:
    made = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [made if index != "none" else {key: made[key] for key in ("id", "function")}]}


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]},
    {"type": "text", "text": "Four."},
]
TEXTS = {
    "plain": Case(says("Four."), "Four."),
    "parts of thinking and text (Mistral)": Case(says(PARTS), "Four.", "Let me see."),
    "parts with a text of thinking": Case(
        says([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Four."}]), "Four.", "Hm."
    ),
    "parts of plain texts": Case(says(["Fo", {"text": "ur."}]), "Four."),
    "reasoning_content (DeepSeek, Kimi)": Case(says("Four.", reasoning_content="2 + 2"), "Four.", "2 + 2"),
    "reasoning (Groq, OpenRouter)": Case(says("Four.", reasoning="2 + 2"), "Four.", "2 + 2"),
    "reasoning twice": Case(says("Four.", reasoning="2 + 2", reasoning_content="2 + 2"), "Four.", "2 + 2"),
    "reasoning_details (OpenRouter)": Case(
        says("Four.", reasoning_details=[{"type": "reasoning.text", "text": "2 + 2", "index": 0}]), "Four.", "2 + 2"
    ),
    "think marks": Case(says("<think>\n2 + 2\n</think>\n\nFour."), "Four.", "2 + 2"),
    "think marks without the opening one": Case(says("2 + 2\n</think>\n\nFour."), "Four.", "2 + 2"),
    "think marks on one line": Case(says("2 + 2</think>Four."), "Four.", "2 + 2"),
    "think marks without a closing one": Case(says("<think>2 + 2"), "", "2 + 2"),
    "think marks twice": Case(says("<think>a</think>\nFour\n<think>b</think>\nin all."), "Four\n\nin all.", "a\nb"),
    "think marks of Mistral": Case(says("[THINK]2 + 2[/THINK]Four."), "Four.", "2 + 2"),
    "an empty thought": Case(says("<think>\n\n</think>\n\nFour."), "Four."),
    "an answer about marks": Case(
        says("Write `</think>` after it, as in:\n```\n<think>\nx\n</think>\n```"),
        "Write `</think>` after it, as in:\n```\n<think>\nx\n</think>\n```",
    ),
    "a mark within a line": Case(says("The tag <think> opens it."), "The tag <think> opens it."),
}

CALLS = {
    "ordinary": Case(calls(call("web_search", QUERY)), calls=SEARCH, finish="tool_calls"),
    "finish reason stop": Case(calls(call("web_search", QUERY)), calls=SEARCH),
    "legacy function_call": Case(
        says(None, function_call={"name": "web_search", "arguments": QUERY}), calls=SEARCH, finish="function_call"
    ),
    "arguments as an object": Case(calls(call("web_search", {"query": "teal"})), calls=SEARCH),
    "arguments encoded twice": Case(calls(call("web_search", json.dumps(QUERY))), calls=SEARCH),
    "arguments null": Case(calls(call("clock", None)), calls=[("clock", "{}")]),
    "arguments empty": Case(calls(call("clock", "")), calls=[("clock", "{}")]),
    "arguments the text null": Case(calls(call("clock", "null")), calls=[("clock", "{}")]),
    "other case": Case(calls(call("Web_Search", QUERY)), calls=SEARCH),
    "other punctuation": Case(calls(call("web-search", QUERY)), calls=SEARCH),
    "a namespace": Case(calls(call("functions.web_search", QUERY)), calls=SEARCH),
    "Google's namespace": Case(calls(call("default_api:web_search", QUERY)), calls=SEARCH),
    "a name that is no tool's": Case(calls(call("browse", "{}")), calls=[("browse", "{}")]),
    "no ids": Case(
        calls(call("web_search", FIRST, call_id=None), call("web_search", SECOND, call_id=None)), calls=BOTH
    ),
    "ids that are numbers": Case(
        calls(call("web_search", FIRST, call_id=1), call("web_search", SECOND, call_id=2)), calls=BOTH
    ),
    "the same id twice": Case(calls(call("web_search", FIRST), call("web_search", SECOND)), calls=BOTH),
    "no arguments at all, twice": Case(
        calls(call("clock", None, call_id="a"), call("clock", None, call_id="b")), calls=[("clock", "{}")] * 2
    ),
}

TWO = calls(call("web_search", FIRST, call_id="a"), call("web_search", SECOND, call_id="b"))
STREAMED_CALLS = {
    "index always 0, own ids (Ollama)": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece(0, call_id="a", name="web_search", arguments=FIRST),
            piece(0, call_id="b", name="web_search", arguments=SECOND),
        ),
    ),
    "index always 0, in pieces": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece(0, call_id="a", name="web_search", arguments=""),
            piece(0, arguments=FIRST[:5]),
            piece(0, arguments=FIRST[5:]),
            piece(0, call_id="b", name="web_search", arguments=""),
            piece(0, arguments=SECOND[:5]),
            piece(0, arguments=SECOND[5:]),
        ),
    ),
    "no index": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece("none", call_id="a", name="web_search", arguments=FIRST[:5]),
            piece("none", arguments=FIRST[5:]),
            piece("none", call_id="b", name="web_search", arguments=SECOND),
        ),
    ),
    "index as a text": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece("0", call_id="a", name="web_search", arguments=FIRST[:5]),
            piece("0", arguments=FIRST[5:]),
            piece("1", call_id="b", name="web_search", arguments=SECOND),
        ),
    ),
    "index null": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece(None, call_id="a", name="web_search", arguments=FIRST),
            piece(None, call_id="b", name="web_search", arguments=SECOND),
        ),
    ),
    "no index and no ids, both in one event": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            {
                "tool_calls": [
                    {"function": {"name": "web_search", "arguments": FIRST}},
                    {"function": {"name": "web_search", "arguments": SECOND}},
                ]
            }
        ),
    ),
    "id and name with every piece": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece(0, call_id="a", name="web_search", arguments=FIRST[:5]),
            piece(0, call_id="a", name="web_search", arguments=FIRST[5:]),
            piece(1, call_id="b", name="web_search", arguments=SECOND[:5]),
            piece(1, call_id="b", name="web_search", arguments=SECOND[5:]),
        ),
    ),
    "pieces of two calls in turn": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece(0, call_id="a", name="web_search", arguments=""),
            piece(1, call_id="b", name="web_search", arguments=""),
            piece(0, arguments=FIRST[:5]),
            piece(1, arguments=SECOND[:5]),
            piece(0, arguments=FIRST[5:]),
            piece(1, arguments=SECOND[5:]),
        ),
    ),
    "the name in pieces": Case(
        calls(call("web_search", QUERY)),
        calls=SEARCH,
        events=in_events(piece(0, call_id="a", name="web_"), piece(0, name="search"), piece(0, arguments=QUERY)),
    ),
    "one id for two calls": Case(
        TWO,
        calls=BOTH,
        events=in_events(
            piece(0, call_id="a", name="web_search", arguments=FIRST),
            piece(1, call_id="a", name="web_search", arguments=SECOND),
        ),
    ),
}

WRITTEN = '{"name": "web_search", "arguments": {"query": "teal"}}'
IN_TEXT = {
    "bare JSON": Case(says(WRITTEN), calls=SEARCH),
    "bare JSON with parameters": Case(says('{"name": "web_search", "parameters": {"query": "teal"}}'), calls=SEARCH),
    "a list of JSON": Case(says(f"[{WRITTEN}, {WRITTEN}]"), calls=SEARCH * 2),
    "JSON in a fence": Case(says(f"```json\n{WRITTEN}\n```"), calls=SEARCH),
    "words before JSON": Case(says(f"I shall search.\n\n{WRITTEN}"), "I shall search.", calls=SEARCH),
    "tool_call marks (Qwen, Hermes)": Case(
        says(f"Let me look.\n<tool_call>\n{WRITTEN}\n</tool_call>"), "Let me look.", calls=SEARCH
    ),
    "tool_call marks without an end": Case(says(f"<tool_call>{WRITTEN}"), calls=SEARCH),
    "tool_call marks twice": Case(
        says(f"<tool_call>{WRITTEN}</tool_call><tool_call>{WRITTEN}</tool_call>"), calls=SEARCH * 2
    ),
    "a thought, then a call": Case(
        says(f"<think>Which?</think>\n<tool_call>{WRITTEN}</tool_call>"), "", "Which?", SEARCH
    ),
    "function marks (Llama)": Case(says(f"<function=web_search>{QUERY}</function>"), calls=SEARCH),
    "parameter marks (Qwen coder)": Case(
        says(
            "<tool_call>\n<function=calculator>\n<parameter=expression>\n1 + 1\n</parameter>\n"
            "<parameter=digits>2</parameter>\n</function>\n</tool_call>"
        ),
        calls=[("calculator", '{"expression": "1 + 1", "digits": 2}')],
    ),
    "python_tag (Llama)": Case(says(f"<|python_tag|>{WRITTEN}<|eom_id|>"), calls=SEARCH),
    "TOOL_CALLS (Mistral)": Case(says(f"[TOOL_CALLS][{WRITTEN}]"), calls=SEARCH),
    "TOOL_CALLS with ARGS (Mistral)": Case(says(f"[TOOL_CALLS]web_search[ARGS]{QUERY}"), calls=SEARCH),
    "section marks (Kimi)": Case(
        says(
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.web_search:0<|tool_call_argument_begin|>"
            f"{QUERY}<|tool_call_end|><|tool_calls_section_end|>"
        ),
        calls=SEARCH,
    ),
    "marks of DeepSeek": Case(
        says(
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>web_search\n```json\n"
            f"{QUERY}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        calls=SEARCH,
    ),
    "argument marks (GLM)": Case(
        says("<tool_call>web_search\n<arg_key>query</arg_key>\n<arg_value>teal</arg_value>\n</tool_call>"),
        calls=SEARCH,
    ),
    "invoke marks (MiniMax)": Case(
        says(
            '<minimax:tool_call>\n<invoke name="web_search">\n<parameter name="query">teal</parameter>\n</invoke>\n'
            "</minimax:tool_call>"
        ),
        calls=SEARCH,
    ),
    "JSON that is an answer": Case(says('{"name": "Ada", "age": 36}'), '{"name": "Ada", "age": 36}'),
    "JSON about no tool": Case(says('{"name": "teal", "arguments": {}}'), '{"name": "teal", "arguments": {}}'),
}

ENDS = {
    "length": Case(says("Fo"), "Fo", finish="length", reads="length"),
    "MAX_TOKENS": Case(says("Fo"), "Fo", finish="MAX_TOKENS", reads="length"),
    "model_length (Mistral)": Case(says("Fo"), "Fo", finish="model_length", reads="length"),
    "eos (Together)": Case(says("Four."), "Four.", finish="eos"),
    "end_turn": Case(says("Four."), "Four.", finish="end_turn"),
    "null": Case(says("Four."), "Four.", finish=None),
    "empty": Case(says("Four."), "Four.", finish=""),
    "tool_calls without calls": Case(says("Four."), "Four.", finish="tool_calls"),
    "a word that nobody knows": Case(says("Four."), "Four.", finish="bored", reads="bored"),
}

ESTIMATED: tuple[int, int, int, int, bool] | None = None
USAGES = {
    "as texts": Case(says("Four."), "Four.", usage={"prompt_tokens": "40", "completion_tokens": "20"}),
    "as floats": Case(says("Four."), "Four.", usage={"prompt_tokens": 40.0, "completion_tokens": 20.0}),
    "null": Case(says("Four."), "Four.", usage=None, figures=ESTIMATED),
    "fields null": Case(
        says("Four."), "Four.", usage={"prompt_tokens": None, "completion_tokens": None}, figures=ESTIMATED
    ),
    "completion only in the total": Case(says("Four."), "Four.", usage={"prompt_tokens": 40, "total_tokens": 60}),
    "input_tokens and output_tokens": Case(says("Four."), "Four.", usage={"input_tokens": 40, "output_tokens": 20}),
    "cached as prompt_cache_hit_tokens (DeepSeek)": Case(
        says("Four."), "Four.", usage=USAGE | {"prompt_cache_hit_tokens": 32}, figures=(40, 32, 20, 0, False)
    ),
    "cached as cached_tokens (Moonshot)": Case(
        says("Four."), "Four.", usage=USAGE | {"cached_tokens": 32}, figures=(40, 32, 20, 0, False)
    ),
    "details null": Case(
        says("Four."), "Four.", usage=USAGE | {"prompt_tokens_details": None, "completion_tokens_details": None}
    ),
    "reasoning within": Case(
        says("Four."),
        "Four.",
        usage=USAGE | {"completion_tokens_details": {"reasoning_tokens": 15}},
        figures=(40, 0, 20, 15, False),
    ),
    "reasoning beside (xAI)": Case(
        says("Four."),
        "Four.",
        usage={
            "prompt_tokens": 40,
            "completion_tokens": 5,
            "total_tokens": 60,
            "completion_tokens_details": {"reasoning_tokens": 15},
        },
        figures=(40, 0, 20, 15, False),
    ),
    "audio and other details": Case(
        says("Four."), "Four.", usage=USAGE | {"completion_tokens_details": {"audio_tokens": 7, "reasoning_tokens": 0}}
    ),
    "none, but a text that looks like one": Case(
        says('{"usage": {"prompt_tokens": 1, "completion_tokens": 1}}'),
        '{"usage": {"prompt_tokens": 1, "completion_tokens": 1}}',
        usage=None,
        figures=ESTIMATED,
    ),
}

TABLE = {
    f"{part}: {name}": case
    for part, cases in {
        "text": TEXTS,
        "calls": CALLS,
        "streamed calls": STREAMED_CALLS,
        "calls in the text": IN_TEXT,
        "end": ENDS,
        "usage": USAGES,
    }.items()
    for name, case in cases.items()
}


def check(reply: LLMReply, case: Case) -> None:
    assert (reply.text, reply.reasoning) == (case.text, case.reasoning)
    assert calls_in(reply) == case.calls
    assert len({one.id for one in reply.tool_calls}) == len(reply.tool_calls)
    assert reply.finish_reason == (case.reads or ("tool_calls" if case.calls else "stop"))
    assert reply.usage.estimated == (case.figures is ESTIMATED)
    if case.figures is not ESTIMATED:
        assert figures(reply) == case.figures
    assert (reply.model, reply.provider_request_id, reply.refusal) == ("m-1", "gen-1", "")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", TABLE)
async def test_an_oddity_is_read_the_same_whole_and_streamed(name: str, stream: bool) -> None:
    case = TABLE[name]
    check(await ask(case.fault(stream=stream), stream=stream, tools=TOOLS), case)


FAMILIES = (
    *("deepseek/deepseek-chat", "groq/llama-3.3-70b-versatile", "mistral/magistral-medium-latest", "xai/grok-4"),
    *("openrouter/qwen/qwen3-32b", "together_ai/meta-llama/Llama-3-70b", "fireworks_ai/llama-v3p1-8b-instruct"),
    *("perplexity/sonar", "moonshot/kimi-k2-thinking", "hosted_vllm/qwen", "litellm_proxy/m", "gpt-4o"),
)
IN_EACH_FAMILY = (
    *("text: parts of thinking and text (Mistral)", "text: reasoning_content (DeepSeek, Kimi)", "text: think marks"),
    *("streamed calls: index always 0, own ids (Ollama)", "calls in the text: tool_call marks (Qwen, Hermes)"),
    *("calls: arguments encoded twice", "usage: none, but a text that looks like one", "usage: reasoning beside (xAI)"),
)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("name", IN_EACH_FAMILY)
async def test_it_is_read_the_same_in_each_family(name: str, model: str, stream: bool) -> None:
    case = TABLE[name]
    check(await ask(case.fault(stream=stream), stream=stream, model=model, tools=TOOLS), case)


async def test_groqs_usage_lies_in_its_last_event() -> None:
    head = {"id": "gen-1", "model": "m-1"}
    stream = events(
        head | {"choices": [{"index": 0, "delta": {"content": "Four."}}], "x_groq": {"id": "req_1"}},
        head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"id": "r", "usage": USAGE}},
    )
    assert figures(await ask(stream, stream=True, model="groq/llama-3.3-70b-versatile")) == STATED


async def test_usage_within_what_was_said_is_no_usage() -> None:
    nested = {"content": "Four.", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    arguments = piece(0, call_id="a", name="clock", arguments='{"usage": {"prompt_tokens": 1, "completion_tokens": 1}}')
    stream = events(
        {"choices": [{"index": 0, "delta": nested}]},
        {"choices": [{"index": 0, "delta": arguments}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    )
    assert (await ask(stream, stream=True, tools=TOOLS)).usage.estimated


async def test_moonshots_usage_lies_in_its_last_choice() -> None:
    stream = events(
        {"choices": [{"index": 0, "delta": {"content": "Four."}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]},
    )
    assert figures(await ask(stream, stream=True, model="moonshot/moonshot-v1-8k")) == STATED


async def test_usage_in_every_event_counts_once_and_last() -> None:
    stream = events(
        {"choices": [{"index": 0, "delta": {"content": "Fo"}}], "usage": {"prompt_tokens": 40, "completion_tokens": 1}},
        {"choices": [{"index": 0, "delta": {"content": "ur."}, "finish_reason": "stop"}], "usage": USAGE},
    )
    assert figures(await ask(stream, stream=True)) == STATED


async def test_a_message_beside_the_delta_is_not_said_twice() -> None:
    """Perplexity sends what was said so far with every event, and an empty delta with a whole answer."""

    def chunk(delta: str, message: str, finish: str | None = None) -> dict[str, Any]:
        return {
            "choices": [
                {"index": 0, "delta": {"content": delta}, "message": {"content": message}, "finish_reason": finish}
            ]
        }

    reply = await ask(events(chunk("Fo", "Fo"), chunk("ur.", "Four."), chunk("", "Four.", "stop")), stream=True)
    assert reply.text == "Four."
    answer = whole(says("Four."), choice={"delta": {"role": "assistant", "content": ""}})
    assert (await ask(answer)).text == "Four."


async def test_only_the_first_of_several_choices_is_read() -> None:
    stream = events(
        {"choices": [{"index": 0, "delta": {"content": "Four."}}]},
        {"choices": [{"index": 1, "delta": {"content": "Five."}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    )
    assert (await ask(stream, stream=True)).text == "Four."


async def test_a_stream_whose_head_does_not_say_that_it_is_one_is_read() -> None:
    stream = in_events(*pieces(says("Four.")))
    assert (await ask(Fault(200, stream.body, {"Content-Type": "text/plain"}), stream=True)).text == "Four."


async def test_a_whole_answer_in_place_of_a_stream_is_read() -> None:
    reply = await ask(whole(says("Four.")), stream=True)
    assert (reply.text, figures(reply)) == ("Four.", STATED)


async def test_a_stream_that_ends_with_its_mark_alone_is_whole() -> None:
    assert (await ask(events({"choices": [{"delta": {"content": "Four."}}]}), stream=True)).text == "Four."


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("message", "choice"),
    [
        ({"role": "assistant", "content": {"text": "Four."}}, {}),
        ({"role": "assistant", "content": "a", "tool_calls": 5}, {}),
        ({"role": "assistant", "content": "a"}, {"finish_reason": "error"}),
        ({"role": "assistant", "content": "a"}, {"finish_reason": "insufficient_system_resource"}),
        ({"role": "assistant", "content": "a"}, {"error": {"code": 502, "message": "upstream is gone"}}),
    ],
    ids=["content of the wrong kind", "calls of the wrong kind", "error", "DeepSeek's end", "OpenRouter's error"],
)
async def test_what_cannot_be_used_is_booked_at_what_the_provider_billed(
    message: Any, choice: dict[str, Any], stream: bool
) -> None:
    if stream:
        head = {"choices": [{"index": 0, "delta": message}], "usage": USAGE}
        fault = events(head, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"} | choice]})
    else:
        fault = whole(message, choice=choice)
    error = await failure(fault, stream=stream)
    assert isinstance(error.reply, LLMReply), error
    assert figures(error.reply) == STATED
    assert (error.retryable, error.outcome_unknown) == (True, False)
    assert "Traceback" not in str(error)


async def test_no_choices_is_booked_at_what_the_provider_billed_and_else_unknown() -> None:
    billed = await failure(Fault(200, json.dumps({"id": "x", "model": "m", "choices": [], "usage": USAGE})))
    assert isinstance(billed.reply, LLMReply)
    assert (figures(billed.reply), billed.outcome_unknown) == (STATED, False)
    nobody_knows = await failure(Fault(200, json.dumps({"id": "x", "model": "m", "choices": []})))
    assert (nobody_knows.reply, nobody_knows.outcome_unknown) == (None, True)


async def test_an_event_that_is_an_error_is_an_error() -> None:
    error = {"error": {"message": "overloaded", "code": 529}}
    body = f"data: {json.dumps({'choices': [{'delta': {'content': 'Fo'}}]})}\n\ndata: {json.dumps(error)}\n\n"
    failed = await failure(Fault(200, body, EVENTS), stream=True)
    assert "overloaded" in str(failed)
    assert failed.outcome_unknown
