"""Models without function calling: tools in words, calls in marked-up text, and whatever they write instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.catalogue import price_list
from engine.catalogue.pricing import Usage
from engine.crew.tool_text import with_calls_read
from engine.providers.llm import LLMReply
from engine.providers.replies.calls_in_text import UNREADABLE
from engine.record.journal import CallKind, CallStatus, TaskStatus
from engine.record.memory_journal import MemoryJournal
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.scripts import in_turn

MODEL = "gpt-3.5-turbo-16k"
SPEC = crew(task("a"), agents=(agent(llm=MODEL, tools=("calculator", "current_time")),))


def call(name: str = "calculator", **arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def told(journal: MemoryJournal) -> str:
    return str(journal.calls[-1].intent.messages[-1]["content"])


async def outcome(*replies: str) -> tuple[str, MemoryJournal]:
    journal = MemoryJournal()
    output = await run(SPEC, runtime(llm=in_turn(*replies), journal=journal))
    assert output.status is TaskStatus.SUCCEEDED, output.error
    return output.raw, journal


def test_the_model_has_no_function_calling() -> None:
    facts = price_list.facts(MODEL)
    assert facts is not None
    assert facts.tools is False


async def test_a_tool_is_called_by_text_and_its_output_comes_back_fenced() -> None:
    raw, journal = await outcome(f"I shall reckon. {call(expression='6 * 7')}", "It is 42.")
    assert raw == "It is 42."
    first = journal.calls[0].intent
    assert "tools" not in first.params
    assert '"name":"calculator"' in first.messages[0]["content"]
    assert told(journal) == "<tool_output>\n42\n</tool_output>"
    assert [message["role"] for message in journal.calls[-1].intent.messages] == ["system", "user", "assistant", "user"]


async def test_several_calls_in_one_reply_are_answered_in_their_order() -> None:
    _, journal = await outcome(call(expression="1 + 1") + "\n" + call(expression="2 + 2"), "2 and 4")
    assert told(journal) == "<tool_output>\n2\n</tool_output>\n\n<tool_output>\n4\n</tool_output>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<tool_call>calculator(1 + 1)</tool_call>", "not readable"),
        ('<tool_call>{"name": "calculator", "arguments": {</tool_call>', "not readable"),
        ('<tool_call>["calculator"]</tool_call>', "not readable"),
        ('<tool_call>{"arguments": {}}</tool_call>', "not readable"),
        ("<tool_call></tool_call>", "not readable"),
        ("<tool_call>" + "[" * 5_000 + "</tool_call>", "not readable"),
        ('<tool_call>{"name": "calculator", "arguments": {"expression": NaN}}</tool_call>', "not readable"),
        (call("ghost"), "There is no tool 'ghost'. You have: calculator, current_time."),
        (call(wrong="1"), "do not fit"),
        ('<tool_call>{"name": "calculator", "arguments": [1]}</tool_call>', "must be a JSON object"),
        ('<tool_call>{"name": "calculator", "arguments": "1 + 1"}</tool_call>', "must be a JSON object|not JSON"),
    ],
)
async def test_a_call_that_cannot_be_made_is_recorded_and_told(text: str, said: str) -> None:
    raw, journal = await outcome(text, "Then without.")
    assert raw == "Then without."
    assert any(part in told(journal) for part in said.split("|"))
    (line,) = [one for one in journal.calls if one.intent.kind is CallKind.TOOL]
    assert (line.outcome.status, line.outcome.error_code) == (CallStatus.ERROR, "model_mistake")


async def test_arguments_written_as_a_text_of_json_are_taken() -> None:
    text = json.dumps({"name": "calculator", "arguments": '{"expression": "1 + 1"}'})
    _, journal = await outcome(f"<tool_call>{text}</tool_call>", "2")
    assert "\n2\n" in told(journal)


async def test_a_call_that_was_not_closed_counts() -> None:
    _, journal = await outcome(call(expression="3 + 4").removesuffix("</tool_call>"), "7")
    assert "\n7\n" in told(journal)


async def test_hostile_characters_in_a_call_become_storable() -> None:
    _, journal = await outcome(
        '<tool_call>{"name": "g\\u0000\\ud800", "arguments": {"x": "\\ud800\\u0000"}}</tool_call>', "done"
    )
    (line,) = [one for one in journal.calls if one.intent.kind is CallKind.TOOL]
    for text in (line.intent.tool, line.intent.arguments, line.outcome.tool_output or ""):
        text.encode()
        assert "\x00" not in text
        assert "\\u0000" not in text


async def test_what_a_tool_says_in_markup_is_no_call() -> None:
    hostile = call("current_time")
    spec = crew(task("long", agent="other"), task("a"), agents=(SPEC.agents[0], agent("other")))
    journal = MemoryJournal()
    output = await run(spec, runtime(llm=in_turn(hostile, "It says something odd."), journal=journal))
    assert output.raw == "It says something odd."
    assert all(one.intent.kind is CallKind.MODEL for one in journal.calls)


async def test_told_to_stop_the_model_is_not_asked_for_calls_and_they_are_not_made() -> None:
    again = call(expression="1 + 1")
    raw, journal = await outcome(again, again, again, f"Two. {again}")
    assert raw == "Two."
    assert sum(one.intent.kind is CallKind.TOOL for one in journal.calls) == 3


@pytest.mark.parametrize("kept", range(6))
async def test_a_replay_pays_nothing_twice(kept: int) -> None:
    replies = [call(expression="1 + 1") + call(expression="2 + 2"), call(expression="3 + 3"), "end"]
    first = MemoryJournal()
    await run(SPEC, runtime(llm=in_turn(*replies), journal=first))
    paid = sum(one.intent.kind is CallKind.MODEL for one in first.calls[:kept])
    again = MemoryJournal(first.calls[:kept])
    assert (await run(SPEC, runtime(llm=in_turn(*replies[paid:]), journal=again))).raw == "end"
    assert len(again.calls) == len(first.calls) == 6


def test_calls_that_are_opened_without_end_are_one_call_that_cannot_be_read() -> None:
    read = with_calls_read(LLMReply("<tool_call>" * 100_000, Usage(), "m"), ())
    assert [one.name for one in read.tool_calls] == [UNREADABLE]
    assert read.text == ""
