"""The simulated model: which tools it calls, how long it takes, and what its answers say of themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.providers.llm import LLMReply, LLMRequest, Message
from engine.providers.simulator import Simulator, invent, seconds_of
from engine.record.journal import TaskStatus
from engine.simulated.speed import LARGE, speed_of
from engine.spec.crew_spec import LLMSpec, QuestionGuardrail
from engine.spec.json_schema_checker import misfit
from engine.tools.registry import ToolRegistry
from tests.engine.crews import agent, crew, run, task
from tests.engine.virtual_time import clock, run_virtually

TASK = "Research the earnings of Stripe.\n\nExpected output: A report of 300 words"


def request_of(*messages: Message, model: str = "gpt-4o", **more: Any) -> LLMRequest:
    return LLMRequest(
        llm=LLMSpec(model=model), messages=({"role": "user", "content": TASK}, *messages), max_tokens=4096, **more
    )


def tool(name: str, parameter: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}


SEARCH, READ = tool("web_search", "query"), tool("scrape_website", "url")


def called(name: str, result: str) -> tuple[Message, Message]:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    return (
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": result},
    )


def test_it_searches_then_reads_the_first_result_then_answers() -> None:
    (search,) = invent(request_of(tools=(SEARCH, READ))).tool_calls
    assert (search.name, json.loads(search.arguments)) == ("web_search", {"query": "Research the earnings of Stripe"})
    found = called("web_search", "A title\nhttps://example.com/a\nWords\n\nhttps://example.com/b")
    (read,) = invent(request_of(*found, tools=(SEARCH, READ))).tool_calls
    assert (read.name, json.loads(read.arguments)) == ("scrape_website", {"url": "https://example.com/a"})
    answer = invent(request_of(*found, *called("scrape_website", "A page"), tools=(SEARCH, READ)))
    assert answer.tool_calls == ()
    assert answer.text.startswith("**Simulated answer** in place of gpt-4o\n\n# Earnings of Stripe\n")


@pytest.mark.parametrize("tools", [(SEARCH,), (READ, SEARCH), (tool("calculator", "expression"), READ)])
def test_it_uses_no_other_tool_twice_or_second(tools: tuple[dict[str, Any], ...]) -> None:
    (first,) = invent(request_of(tools=tools)).tool_calls
    assert first.name == tools[0]["function"]["name"]
    assert invent(request_of(*called(first.name, "x"), tools=tools)).tool_calls == ()


def test_it_calls_no_tool_where_it_may_not() -> None:
    assert invent(request_of(tools=(SEARCH,), may_call_tools=False)).tool_calls == ()


def test_json_fits_its_schema_and_its_texts_are_of_the_task() -> None:
    schema = {
        "type": "object",
        "properties": {
            "urgency": {"type": "string", "enum": ["high", "low"]},
            "trends": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "summary": {"type": "string", "maxLength": 40},
        },
        "required": ["urgency", "trends", "summary"],
    }
    text = invent(request_of(response_schema=schema)).text
    assert misfit(json.loads(text), schema) == ""
    assert "earnings" in text.lower()


def timed(request: LLMRequest, simulator: Simulator) -> tuple[float, LLMReply]:
    async def asked() -> tuple[float, LLMReply]:
        began = clock()
        reply = await simulator.complete(request)
        return clock() - began, reply

    return run_virtually(asked())


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4o", "gpt-4"])
def test_a_reply_takes_the_seconds_of_its_tier(model: str) -> None:
    seconds, reply = timed(request_of(model=model), Simulator(pace=1))
    assert seconds == pytest.approx(speed_of(model).seconds(reply.usage.completion_tokens), rel=0.1)
    assert seconds == pytest.approx(seconds_of(request_of(model=model), reply))


def test_the_pace_is_a_factor_and_zero_is_at_once() -> None:
    full, _ = timed(request_of(), Simulator(pace=1))
    assert full > LARGE.first_token_s
    assert timed(request_of(), Simulator(pace=0.1))[0] == pytest.approx(full / 10)
    assert timed(request_of(), Simulator())[0] == 0
    assert timed(request_of(), Simulator(latency_s=7))[0] == pytest.approx(7)


def test_equal_requests_get_equal_answers_after_equal_seconds() -> None:
    first, again = (timed(request_of(), Simulator(pace=1)) for _ in range(2))
    assert (first[0], first[1].text) == (again[0], again[1].text)


async def test_simulated_tools_bring_as_much_as_real_ones() -> None:
    from engine.spec.crew_spec import ToolSpec

    wanted = [ToolSpec(name="web_search", config={"n_results": 4}), ToolSpec(name="scrape_website")]
    async with ToolRegistry.simulated().open(wanted) as toolbox:
        found = await toolbox["web_search"][0].run({"query": "earnings"})
        page = await toolbox["scrape_website"][0].run({"url": "https://example.com/a"})
    assert found.count("https://example.com/") == 4
    assert 10_000 < len(page) < 40_000


@pytest.mark.parametrize(
    "model",
    ["gpt-4o", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "ollama/llama3", "bedrock/x.y-v1", "our/own"],
)
async def test_whatever_the_model_is_called_its_verdicts_and_plans_have_the_form_asked_for(model: str) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    asked = task("write", guardrails=[QuestionGuardrail(question="Is it polite?")], output_schema=schema)
    result = await run(crew(asked, agents=(agent(llm=model),), planning=True))
    assert (result.status, result.error) == (TaskStatus.SUCCEEDED, "")
    assert misfit(result.data, schema) == ""
