"""Prompt caching: equal beginnings, marks where a provider needs them, and cached tokens at their own prices."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from engine.catalogue.price_list import DefaultPrices
from engine.catalogue.pricing import cost_usd
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.record.memory_journal import MemoryJournal
from tests.anthropic_server import AnthropicServer
from tests.engine.crews import agent, crew, run, runtime, task

LONG = "A long story about how this agent came to be what it is. " * 120
USAGE = {
    "input_tokens": 100,
    "cache_read_input_tokens": 3000,
    "cache_creation_input_tokens": 500,
    "output_tokens": 7,
}
MODEL = "anthropic/claude-sonnet-4-5"


async def asked(
    model: str, *, backstory: str, tools: tuple[str, ...] = ()
) -> tuple[list[dict[str, Any]], MemoryJournal]:
    """The bodies that a crew of one agent sends, and its journal."""
    journal = MemoryJournal()
    with AnthropicServer(USAGE, tool=tools[0] if tools else "") as server:
        client = LiteLLMClient(lambda _: Credential(api_key="k", base_url=server.url))
        spec = crew(task("a"), agents=(agent(llm=model, backstory=backstory, tools=tools),))
        output = await run(spec, runtime(llm=client, journal=journal))
        assert output.raw == "Two"
    return server.bodies, journal


def marks(body: dict[str, Any]) -> int:
    return json.dumps(body).count('"cache_control"')


async def test_a_long_fixed_beginning_is_marked() -> None:
    (body,), _ = await asked(MODEL, backstory=LONG)
    assert marks(body) == 1
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}


async def test_a_short_one_is_not() -> None:
    (body,), _ = await asked(MODEL, backstory="Short.")
    assert marks(body) == 0


async def test_in_a_tool_loop_each_request_begins_with_the_one_before() -> None:
    (first, second), _ = await asked(MODEL, backstory=LONG, tools=("calculator",))
    assert marks(first) == 2
    assert marks(second) == 2
    assert "cache_control" in json.dumps(second["messages"][-1])
    assert first["tools"] == second["tools"]
    assert first["system"] == second["system"]


async def test_cached_and_written_tokens_have_their_own_prices() -> None:
    _, journal = await asked(MODEL, backstory=LONG)
    (call,) = journal.calls
    usage, price = call.outcome.usage, DefaultPrices().price(MODEL)
    assert (usage.prompt_tokens, usage.cached_prompt_tokens, usage.cache_write_tokens) == (3600, 3000, 500)
    assert price is not None
    assert price.cached_usd_per_mtok is not None
    assert price.cache_write_usd_per_mtok is not None
    by_hand = (
        100 * price.input_usd_per_mtok
        + 3000 * price.cached_usd_per_mtok
        + 500 * price.cache_write_usd_per_mtok
        + 7 * price.output_usd_per_mtok
    ) / Decimal(1_000_000)
    assert call.outcome.cost_usd == cost_usd(usage, price) == by_hand
    assert call.outcome.cost_usd < 3600 * price.input_usd_per_mtok / Decimal(1_000_000)
