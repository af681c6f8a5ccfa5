"""Whatever a spec, an input or a model holds: a named error or a recorded mistake, and what was paid stays known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from engine.errors import InvalidCrew
from engine.providers.litellm_client import Credential, LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.providers.simulator import Simulator, answer
from engine.record.journal import CallKind, CallStatus
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import CrewSpec, ToolSpec
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.scripts import in_turn
from tests.openai_server import OpenAIServer, tool_call

NUL, HALF = "\x00", "\ud800"
HOSTILE = f"a{NUL}b{HALF}c"
HARMLESS = "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (crew(task("a", context=("b",)), task("b", context=("a",)), process="parallel"), "cycle"),
        (crew(task("a", context=("a",))), "cycle"),
        (crew(task("a", agent="ghost")), "unknown_agent"),
        (crew(task("a", agent=None)), "no_agent"),
        (crew(task("a", tools=("ghost",))), "unknown_tool"),
        (crew(task("a", description="About {x}")), "missing_input"),
        (crew(task("a", output_schema={"type": "no such type"})), "bad_schema"),
        (crew(task("a", output_schema={"$ref": "https://example.com/schema"})), "bad_schema"),
        (crew(task("a", output_schema={"$ref": "#"})), "bad_schema"),
        (crew(task("a", guardrails=({"kind": "schema", "json_schema": {"minimum": "x"}},))), "bad_schema"),
        (crew(task("a", guardrails=({"kind": "regex", "pattern": "("},))), "bad_regex"),
        (crew(task("a", guardrails=({"kind": "question", "question": " "},))), "empty"),
        (crew(), "no_tasks"),
    ],
)
async def test_a_bad_spec_is_refused_by_name_before_anything_is_paid(spec: CrewSpec, code: str) -> None:
    journal = MemoryJournal()
    with pytest.raises(InvalidCrew) as refused:
        await run(spec, runtime(journal=journal))
    assert code in [getattr(complaint, "code", "") for complaint in refused.value.complaints]
    assert journal.calls == []


@pytest.mark.parametrize("value", [f"x{NUL}", f"x{HALF}"])
async def test_an_input_that_can_be_neither_stored_nor_sent_is_refused(value: str) -> None:
    with pytest.raises(InvalidCrew, match=r"inputs\.x: This holds a NUL"):
        await run(crew(task("a", description="About {x}")), runtime(), x=value)


@pytest.mark.parametrize("depth", [150, 400, 900])
def test_settings_nested_without_end_are_refused_by_name(depth: int) -> None:
    config: dict[str, Any] = json.loads('{"a":' * depth + "1" + "}" * depth)
    with pytest.raises(ValidationError, match="nested more than 100 deep"):
        ToolSpec(name="mcp", config=config)


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_a_model_that_says_nothing_fails_its_task_and_is_paid(text: str) -> None:
    journal = MemoryJournal()
    output = await run(crew(task("a")), runtime(llm=in_turn(text, text), journal=journal))
    assert output.error_code == "model_mistake"
    assert [call.outcome.status for call in journal.calls] == [CallStatus.OK] * 2


async def test_a_model_that_calls_tools_for_ever_is_stopped() -> None:
    def script(request: LLMRequest) -> LLMReply:
        calls = (ToolCall("c", "calculator", json.dumps({"expression": f"{len(request.messages)} + 1"})),)
        return answer(request, tool_calls=calls)

    journal = MemoryJournal()
    spec = crew(task("a"), agents=(agent(tools=("calculator",), max_iter=7),))
    output = await run(spec, runtime(llm=Simulator(script=script), journal=journal))
    assert output.error_code == "model_mistake"
    assert sum(call.intent.kind is CallKind.MODEL for call in journal.calls) == 9


async def test_a_model_that_never_finishes_its_answer_is_cut_with_the_cut_said() -> None:
    def script(request: LLMRequest) -> LLMReply:
        return LLMReply("more ", answer(request, text="more").usage, "m", finish_reason="length")

    journal = MemoryJournal()
    output = await run(crew(task("a")), runtime(llm=Simulator(script=script), journal=journal))
    assert len(journal.calls) == 5
    assert output.raw.startswith("more more more more more")
    assert "[cut here:" in output.raw


@pytest.mark.parametrize(
    "said", ['{"n": NaN}', '{"n": 1e999}', '{"n": -Infinity}', "[" * 100_000, '{"n": ' + "9" * 5000 + "}"]
)
async def test_json_that_nobody_else_can_read_is_no_answer(said: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number"}}}
    output = await run(crew(task("a", output_schema=schema)), runtime(llm=in_turn(said, '{"n": 2.5}')))
    assert output.data == {"n": 2.5}


async def test_half_characters_that_hide_in_json_escapes_become_storable() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    output = await run(
        crew(task("a", output_schema=schema)), runtime(llm=in_turn('{"k\\u0000": "a\\u0000b\\ud800c \\ud83d\\ude00"}'))
    )
    assert output.data == {"k\ufffd": "a\ufffdb\ufffdc 😀"}
    assert json.loads(output.raw.encode()) == output.data


async def test_hostile_names_and_ids_of_calls_become_storable() -> None:
    def answers(body: dict[str, Any]) -> Any:
        if body["messages"][-1]["role"] == "tool":
            return "done"
        return tool_call(f"calc{HALF}", f'{{"expression": "{HALF}"}}', call_id=f"id{NUL}{HALF}" + "x" * 1000)

    journal = MemoryJournal()
    with OpenAIServer(answers) as server:
        client = LiteLLMClient(lambda llm: Credential(api_key="k", base_url=server.url))
        spec = crew(task("a"), agents=(agent(tools=("calculator",)),))
        assert (await run(spec, runtime(llm=client, journal=journal))).raw == "done"
    (call,) = journal.calls[0].outcome.reply.tool_calls  # type: ignore[union-attr]
    for text in (call.id, call.name, call.arguments):
        text.encode()
        assert NUL not in text
    assert len(call.name) <= 200
    assert len(call.id) == 1004, "an id may carry a signature, and is kept whole"


async def test_a_condition_whose_pattern_never_ends_fails_its_task_and_keeps_the_rest() -> None:
    spec = crew(task("a"), task("b", condition={"task": "a", "matches": "(a|aa)+$"}), task("c", context=("a",)))
    output = await run(spec, runtime(llm=in_turn("a" * 60 + "!", "end")))
    assert [result.status.value for result in output.results] == ["succeeded", "failed", "succeeded"]
    assert "takes more than 2 s" in output.error
    assert output.results[1].error_code == "too_much_work"


async def test_a_task_whose_condition_looks_at_a_failed_task_is_not_done() -> None:
    spec = crew(task("a"), task("b", condition={"task": "a", "contains": "calm", "negate": True}, context=()))
    output = await run(spec, runtime(llm=in_turn("", "")))
    assert [result.status.value for result in output.results] == ["failed", "cancelled"]


@pytest.mark.parametrize("model", ["no-such-model", "ghost/model"])
async def test_an_unknown_model_without_a_key_fails_by_name(model: str) -> None:
    journal = MemoryJournal()
    spec = crew(task("a"), agents=(agent(llm=model),))
    output = await run(spec, runtime(llm=LiteLLMClient(lambda llm: None), journal=journal))
    assert output.error_code == "provider_key"
    assert model in output.error
    assert journal.calls[0].outcome.cost_usd == 0


async def test_an_unknown_provider_is_a_recorded_refusal_that_nobody_was_sent() -> None:
    journal = MemoryJournal()
    spec = crew(task("a"), agents=(agent(llm="ghost/model"),))
    client = LiteLLMClient(lambda llm: Credential(api_key="k", base_url="http://127.0.0.1:9/v1"))
    output = await run(spec, runtime(llm=client, journal=journal))
    assert output.error_code == "provider_model"
    assert [call.outcome.status for call in journal.calls] == [CallStatus.ERROR]


async def test_a_timeout_that_is_not_the_agents_own_is_not_taken_for_it() -> None:
    class Slow(Simulator):
        async def complete(self, request: LLMRequest) -> LLMReply:
            raise TimeoutError("of somebody's client")

    with pytest.raises(TimeoutError, match="somebody"):
        await run(crew(task("a")), runtime(llm=Slow()))
