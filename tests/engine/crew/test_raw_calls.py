"""A call that a model writes into its answer is made, and is never the answer that a person gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.catalogue import price_list
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.record.journal import CallKind, TaskStatus
from engine.record.memory_journal import MemoryJournal
from tests.engine.crews import agent, crew, run, runtime, task
from tests.openai_server import Answer, OpenAIServer

MODEL = "gpt-4o-mini"
CALL = json.dumps({"name": "calculator", "arguments": {"expression": "1 + 1"}})
WRITTEN = pytest.mark.parametrize(
    "written", [CALL, f"<tool_call>{CALL}</tool_call>", f"```json\n{CALL}\n```"], ids=["bare", "marked", "fenced"]
)


async def outcome(answer: Answer, *, tools: tuple[str, ...] = ("calculator",)) -> tuple[Any, MemoryJournal]:
    journal = MemoryJournal()
    with OpenAIServer(answer) as server:
        client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=server.url))
        spec = crew(task("a"), agents=(agent(llm=MODEL, tools=tools),))
        return await run(spec, runtime(llm=client, journal=journal)), journal


def test_the_model_is_listed_as_able_to_call() -> None:
    facts = price_list.facts(MODEL)
    assert facts is not None
    assert facts.tools


@WRITTEN
async def test_it_is_made_and_its_result_comes_back_as_that_of_a_call(written: str) -> None:
    asked: list[Any] = []

    def answer(body: dict[str, Any]) -> str:
        asked.append(body["messages"])
        return "Two." if body["messages"][-1]["role"] == "tool" else written

    result, journal = await outcome(answer)
    assert result.raw == "Two."
    assert [line.intent.kind for line in journal.calls] == [CallKind.MODEL, CallKind.TOOL, CallKind.MODEL]
    turn, told = asked[1][-2:]
    assert turn["tool_calls"][0]["function"] == {"name": "calculator", "arguments": '{"expression": "1 + 1"}'}
    assert turn["tool_calls"][0]["id"] == told["tool_call_id"]
    assert "\n2\n" in told["content"]


@WRITTEN
async def test_a_model_that_writes_nothing_else_gives_no_answer(written: str) -> None:
    result, journal = await outcome(lambda body: written)
    assert (result.status, result.raw, result.error_code) == (TaskStatus.FAILED, "", "model_mistake")
    assert sum(line.intent.kind is CallKind.TOOL for line in journal.calls) == 3


async def test_without_tools_json_is_an_answer() -> None:
    result, _ = await outcome(lambda body: CALL, tools=())
    assert result.raw == CALL
