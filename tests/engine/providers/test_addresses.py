"""Which hosts model providers are asked at: whatever of LiteLLM sends, and whatever the key's address is."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, PROVIDERS
from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMReply, LLMRequest
from engine.spec.crew_spec import LLMSpec
from engine.web.addresses import PUBLIC, Reach
from tests.engine.loopback import Reply, Site
from tests.openai_server import OpenAIServer
from tests.refused_hosts import REASONS, REFUSED_HOSTS, Names, listening
from tests.tls import tls_server

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "t", "description": "d", "parameters": SCHEMA}}
MODELS = [f"{provider}/some-model" for provider in PROVIDERS if provider not in NOT_MODEL_PROVIDERS]


async def ask(reach: Reach | None, base_url: str | None, model: str = "openai/gpt-4o-mini", **more: Any) -> LLMReply:
    llm = LLMSpec(model=model, timeout_s=20, stream=more.pop("stream", False))
    client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=base_url), reach)
    messages = ({"role": "user", "content": "Hello"},)
    return await client.complete(LLMRequest(llm=llm, messages=messages, max_tokens=9, **more))


def nothing_was_sent(failed: ProviderError) -> bool:
    return not (failed.retryable or failed.outcome_unknown)


@pytest.mark.parametrize("stream", [False, True])
async def test_no_form_of_an_address_leads_inside(stream: bool) -> None:
    got_through = {}
    with listening() as listener:
        for host in REFUSED_HOSTS:
            with pytest.raises(ProviderError) as failed:
                await ask(PUBLIC, f"http://{host}:{listener.port}/v1", stream=stream)
            if not (re.search(REASONS, str(failed.value)) and nothing_was_sent(failed.value)):
                got_through[host] = str(failed.value)
    assert got_through == {}
    assert listener.connections == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [*MODELS, "ollama_chat/some-model", "text-completion-openai/some-model"])
async def test_no_provider_is_asked_inside_by_whatever_way(model: str, stream: bool) -> None:
    """LiteLLM asks some servers about their models first, by a blocking client of its own."""
    ways: list[dict[str, Any]] = [{}, {"tools": (TOOL,)}, {"response_schema": SCHEMA}]
    with listening() as listener:
        for host in ("localhost", "127.0.0.1"):
            for way in ways:
                with pytest.raises(ProviderError) as failed:
                    await ask(PUBLIC, f"http://{host}:{listener.port}", model, stream=stream, **way)
                assert nothing_was_sent(failed.value)
    assert listener.connections == 0


async def test_a_providers_own_default_is_checked_too() -> None:
    with pytest.raises(ProviderError, match="localhost is not a public address"):
        await ask(PUBLIC, None, "ollama/llama3.2")


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["fe80::1%lo"]])
async def test_a_name_that_leads_inside_is_refused_when_it_is_used(answer: list[str]) -> None:
    reach = Reach(resolve=Names(inside_test=[answer]))
    with listening() as listener, pytest.raises(ProviderError) as failed:
        await ask(reach, f"http://inside.test:{listener.port}/v1")
    assert "inside.test is not a public address" in str(failed.value)
    assert "ALLOWED_PRIVATE_HOSTS" in str(failed.value)
    assert nothing_was_sent(failed.value)
    assert listener.connections == 0


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked() -> None:
    """127.0.0.2 stands for a public address. Each event loop looks names up for itself."""
    names = Names(rebinding_test=[["127.0.0.2"], ["127.0.0.1"]])
    reach = Reach.allowing(["127.0.0.2"], resolve=names)
    with OpenAIServer("Hi", host="127.0.0.2") as server, listening() as inside:
        url = f"http://rebinding.test:{server.port}/v1"
        assert asyncio.run(ask(reach, url)).text == "Hi"
        assert names.asked == ["rebinding.test"]
        with pytest.raises(ProviderError, match=r"rebinding\.test is not a public address"):
            asyncio.run(ask(reach, url))
        with pytest.raises(ProviderError, match=r"rebinding\.test is not a public address"):
            asyncio.run(ask(reach, f"http://rebinding.test:{inside.port}/v1"))
    assert (server.requests, inside.connections) == (1, 0)


async def test_an_open_connection_of_another_reach_is_not_used() -> None:
    with OpenAIServer("Hi") as server:
        assert (await ask(Reach.allowing(["127.0.0.1"]), server.url)).text == "Hi"
        assert (await ask(None, server.url)).text == "Hi"
        with pytest.raises(ProviderError, match="not a public address"):
            await ask(PUBLIC, server.url)
    assert server.requests == 2


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/", "http://inside.test:{port}/", "/elsewhere", "https://xn--/"]
)
@pytest.mark.parametrize("status", [302, 307])
async def test_no_redirect_is_followed(target: str, status: int) -> None:
    reach = Reach.allowing(["127.0.0.2"], resolve=Names(inside_test=[["127.0.0.1"]]))
    with listening() as inside:
        moved = Reply(b"moved", status=status, headers={"Location": target.format(port=inside.port)})
        with (
            Site({"/v1/chat/completions": moved}, host="127.0.0.2") as site,
            pytest.raises(ProviderError, match="redirect") as failed,
        ):
            await ask(reach, f"{site.url}/v1")
    assert (len(site.asked), inside.connections, failed.value.retryable) == (1, 0, False)


async def test_the_certificate_is_asked_for_by_name_and_checked() -> None:
    with tls_server("127.0.0.2") as server:
        reach = Reach.allowing(["127.0.0.2"], resolve=Names(secure_test=[["127.0.0.2"]]))
        with pytest.raises(ProviderError, match=r"CERTIFICATE_VERIFY_FAILED|certificate"):
            await ask(reach, f"https://secure.test:{server.port}/v1")
    assert server.names == ["secure.test"]


@pytest.mark.parametrize("disabled", ["", "True"])
async def test_the_environments_proxies_are_not_used(disabled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor another transport of LiteLLM, which the second variable asks for."""
    with OpenAIServer("Hi") as server, listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("AIOHTTP_TRUST_ENV", "True")
        monkeypatch.setenv("DISABLE_AIOHTTP_TRANSPORT", disabled)
        assert (await ask(Reach.allowing(["127.0.0.1"]), server.url, f"openai/fresh-{disabled}")).text == "Hi"
    assert (server.requests, proxy.connections) == (1, 0)


async def test_a_local_reach_asks_this_machine() -> None:
    with OpenAIServer("Hi") as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
            assert (await ask(Reach(local=True), url)).text == "Hi"


async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    async def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(ProviderError) as failed:
        await ask(Reach(resolve=nobody), "http://unknown.test/v1")
    assert (failed.value.retryable, failed.value.outcome_unknown) == (True, False)


async def test_blocking_requests_go_out_only_outside_of_exchanges() -> None:
    with Site({"/": Reply(b"hello")}) as site:
        await ask_in_vain(site.url)
        assert await asyncio.to_thread(lambda: httpx.get(f"{site.url}/").text) == "hello"


async def ask_in_vain(url: str) -> None:
    with pytest.raises(ProviderError):
        await ask(PUBLIC, f"{url}/v1")


LOOP_OF_A_WORKER = """
import asyncio, threading
from engine.providers.connections import session_within
from engine.web.addresses import PUBLIC
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
print(asyncio.run_coroutine_threadsafe(session_within(PUBLIC, tls=True), loop).result(20).closed)
print(asyncio.run(session_within(PUBLIC, tls=True)).closed)
"""


def test_pools_are_closed_with_their_loops_and_with_the_process() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", LOOP_OF_A_WORKER],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout.split() == ["False", "True"]
    assert not [line for line in ended.stderr.splitlines() if "destroyed" in line or "Unclosed" in line], ended.stderr
