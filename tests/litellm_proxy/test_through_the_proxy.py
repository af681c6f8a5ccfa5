"""The stand-ins through LiteLLM's own proxy: what it makes of refusals, streams, tools and usage is understood.

Not part of ``make test``: the proxy needs another FastAPI and some sixty packages. ``make proxy`` runs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.servers.listing import ServerFault, list_models
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import LLMSpec
from engine.web.addresses import Reach
from engine.web.guarded_http import GuardedHttp
from tests.engine.crew.test_room import QUOTA, classic, one_task, vllm, windowed
from tests.engine.crews import run, runtime
from tests.litellm_proxy.proxy import EXECUTABLE, MASTER_KEY, Proxy
from tests.openai_server import Fault, OpenAIServer, tool_call

pytestmark = pytest.mark.skipif(not EXECUTABLE, reason="LITELLM_PROXY names no litellm[proxy]; `make proxy` makes one")

SLOW_DOWN = Fault(429, '{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}', {"Retry-After-Ms": "1500"})
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


def answer(body: dict[str, Any]) -> Any:
    """By the model's name."""
    ways: dict[str, Any] = {
        "poor": QUOTA,
        "busy": SLOW_DOWN,
        "caller": tool_call("clock", {}),
        "old-vllm": windowed(4096, 300, classic),
        "new-vllm": windowed(4096, 300, vllm),
        "down": Fault(503),
    }
    way = ways.get(body["model"], "Through the proxy.")
    return way(body) if callable(way) else way


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    names = ("fast", "poor", "busy", "caller", "old-vllm", "new-vllm", "down")
    folder: Path = tmp_path_factory.mktemp("proxy")
    with Proxy(folder, {name: (server.url, name) for name in names}) as proxy:
        yield proxy


def client_of(proxy: Proxy, key: str = MASTER_KEY) -> LiteLLMClient:
    return LiteLLMClient(lambda _: Credential(key, proxy.url))


async def ask(
    proxy: Proxy, model: str, *, key: str = MASTER_KEY, tools: bool = False, stream: bool = False
) -> LLMReply:
    request = LLMRequest(
        LLMSpec(model=f"litellm_proxy/{model}", timeout_s=30, stream=stream),
        ({"role": "user", "content": "Hello"},),
        max_tokens=50,
        tools=(CLOCK,) if tools else (),
    )
    return await client_of(proxy, key).complete(request)


async def failure(proxy: Proxy, model: str, key: str = MASTER_KEY) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        await ask(proxy, model, key=key)
    text = str(failed.value)
    assert [part for part in ("Traceback", "site-packages", MASTER_KEY, "sk-behind") if part in text] == [], text
    return failed.value


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_an_answer_comes_with_the_servers_usage(proxy: Proxy, server: OpenAIServer, stream: bool) -> None:
    reply = await ask(proxy, "fast", stream=stream)
    billed = server.billed[-1]
    assert reply.text == "Through the proxy."
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (
        billed.prompt_tokens,
        billed.completion_tokens,
    )
    assert not reply.usage.estimated


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_tools_are_called_through_it(proxy: Proxy, stream: bool) -> None:
    reply = await ask(proxy, "caller", tools=True, stream=stream)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("clock", "{}")]


async def test_no_credit_behind_it_ends_at_once(proxy: Proxy) -> None:
    error = await failure(proxy, "poor")
    assert (error.code, error.retryable) == ("provider_quota", False)


async def test_asked_too_often_behind_it_is_asked_again(proxy: Proxy) -> None:
    error = await failure(proxy, "busy")
    assert (error.code, error.retryable) == ("provider_busy", True)


async def test_a_failing_server_behind_it_is_not_the_keys_matter(proxy: Proxy) -> None:
    error = await failure(proxy, "down")
    assert (error.code, error.retryable) == ("provider_down", True)


async def test_its_own_refusals_are_understood(proxy: Proxy) -> None:
    assert (await failure(proxy, "fast", key="sk-wrong")).code == "provider_key"
    assert (await failure(proxy, "nobody")).code == "provider_model"


@pytest.mark.parametrize("model", ["old-vllm", "new-vllm"])
async def test_a_window_behind_it_is_asked_again_for_less(proxy: Proxy, model: str) -> None:
    journal = MemoryJournal()
    output = await run(one_task(f"litellm_proxy/{model}"), runtime(llm=client_of(proxy), journal=journal))
    assert (output.raw, output.error) == ("Done.", "")
    assert len(journal.calls) <= 7


async def test_a_key_is_tested_by_its_list(proxy: Proxy) -> None:
    http = GuardedHttp(Reach(local=True))
    listing = await list_models("litellm_proxy", Credential(MASTER_KEY, proxy.url), http)
    assert {"litellm_proxy/fast", "litellm_proxy/poor"} <= set(listing.models)
    with pytest.raises(ServerFault) as failed:
        await list_models("litellm_proxy", Credential("sk-wrong", proxy.url), http)
    assert failed.value.field == "api_key"
