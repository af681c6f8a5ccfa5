"""What a tool says about its results decides whether they are reused: its facts, and CrewAI's ``cache_function``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.cache import Cache, Kept
from engine.crewai.own_tools import BaseTool, tool
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import ToolSpec
from engine.tools.registry import ToolRegistry
from engine.tools.tool import ToolFacts
from tests.engine.crews import agent, crew, run, runtime, task
from tests.openai_server import OpenAIServer, tool_call


class Multiply(BaseTool):
    name: str = "multiply"
    description: str = "Multiplies."
    calls: list[int] = []

    def _run(self, a: int, b: int) -> int:
        self.calls.append(a * b)
        return a * b


def only_even(arguments: dict[str, Any], result: int) -> bool:
    return result % 2 == 0


async def used(custom: BaseTool, arguments: dict[str, Any]) -> list[bool]:
    """Whether each of two tasks that use the tool one after the other reused a result."""
    from engine.providers.credential import Credential
    from engine.providers.litellm_client import LiteLLMClient

    def answer(body: dict[str, Any]) -> Any:
        return "done" if body["messages"][-1]["role"] == "tool" else tool_call(custom.facts.name, arguments)

    journal = MemoryJournal()
    with OpenAIServer(answer) as models:
        client = LiteLLMClient(lambda llm: Credential(api_key="k", base_url=models.url))
        registry = ToolRegistry.standard().with_tools([custom])
        given = runtime(llm=client, journal=journal, tools=registry)
        worker = agent(tools=(ToolSpec(name=custom.facts.name),))
        output = await run(crew(task("a"), task("b"), agents=(worker,)), given)
    assert output.status == "succeeded"
    return [call.outcome.cache_hit for call in journal.calls if call.intent.tool]


async def test_results_are_reused_unless_the_tool_says_otherwise() -> None:
    assert await used(Multiply(), {"a": 3, "b": 5}) == [False, True]


async def test_a_tool_whose_cache_is_off_is_run_each_time() -> None:
    @tool("product", cache=False)
    def product(a: int, b: int) -> int:
        """Multiplies."""
        return a * b

    for uncached in (Multiply(cache=False), product):
        assert await used(uncached, {"a": 3, "b": 5}) == [False, False]


def test_a_tool_says_for_how_long_its_results_are_reused_across_runs() -> None:
    assert Multiply(cache_ttl_s=60).facts.ttl_s == 60
    with pytest.raises(ValueError, match="cache_ttl_s"):
        Multiply(cache_ttl_s=0)


@pytest.mark.parametrize(("b", "reused"), [(5, False), (6, True)])
async def test_a_cache_function_is_asked_about_arguments_and_the_result_as_the_tool_returned_it(
    b: int, reused: bool
) -> None:
    multiply = Multiply(cache_function=only_even)
    assert await used(multiply, {"a": 3, "b": b}) == [False, reused]
    assert len(multiply.calls) == 2 - reused


async def test_it_may_be_set_on_a_function_or_written_as_a_field_of_a_class() -> None:
    @tool("Next")
    def count(start: int) -> int:
        """Counts on."""
        return start + 1

    count.cache_function = only_even
    assert await used(count, {"start": 2}) == [False, False]
    assert await used(count, {"start": 3}) == [False, True]

    class Never(Multiply):
        cache_function: Any = lambda arguments, result: False

    assert await used(Never(), {"a": 1, "b": 2}) == [False, False]


async def test_a_cache_function_that_fails_costs_the_reuse_and_not_the_result(caplog: pytest.LogCaptureFixture) -> None:
    assert await used(Multiply(cache_function=lambda arguments, result: 1 / 0), {"a": 1, "b": 2}) == [False, False]
    assert "cache_function of multiply failed" in caplog.text


async def test_who_waits_for_a_result_that_is_not_worth_keeping_makes_one_of_its_own() -> None:
    cache, made = Cache(), []

    async def call() -> str:
        made.append(len(made))
        await asyncio.sleep(0.01)
        return str(len(made))

    async def ask() -> Kept:
        return await cache.get("k", make=call, is_worth_keeping=lambda text: False)

    kept = await asyncio.gather(ask(), ask(), ask())
    assert made == [0, 1, 2]
    assert not any(one.reused for one in kept)


def test_by_default_results_are_for_the_run_alone() -> None:
    facts = ToolFacts(name="a", description="")
    assert facts.ttl_s is None
    assert facts.worth_caching({}, "")
