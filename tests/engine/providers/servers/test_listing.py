"""A key is tested by one free request for the list of models, and each failure says what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.providers.credential import Credential
from engine.providers.servers.listing import Listing, ServerFault, list_models
from engine.web.addresses import Reach
from engine.web.guarded_http import GuardedHttp
from tests.engine.loopback import Reply, Site

KEY = "sk-loopback-secret"
HTTP = GuardedHttp(Reach(local=True), timeout_s=2)


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(body).encode(), status, {"Content-Type": "application/json"} | headers)


async def listed(provider: str, site: Site, end: str = "", *, key: str = KEY) -> Listing:
    return await list_models(provider, Credential(key, f"{site.url}{end}"), HTTP)


async def fault(provider: str, site: Site, end: str = "") -> ServerFault:
    with pytest.raises(ServerFault) as failed:
        await listed(provider, site, end)
    assert KEY not in str(failed.value)
    return failed.value


OPENAI = {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}, {"id": "text-embedding-3-small"}]}


@pytest.mark.parametrize(
    ("provider", "end", "path", "header", "body", "models"),
    [
        ("openai", "/v1", "/v1/models", "authorization", OPENAI, ["openai/gpt-4o"]),
        (
            "openrouter",
            "/api/v1",
            "/api/v1/models/user",
            "authorization",
            {"data": [{"id": "meta/l"}]},
            ["openrouter/meta/l"],
        ),
        (
            "anthropic",
            "/v1",
            "/v1/models?limit=1000",
            "x-api-key",
            {"data": [{"id": "claude-sonnet-4-5"}]},
            ["claude-sonnet-4-5"],
        ),
        (
            "gemini",
            "/v1beta",
            "/v1beta/models?pageSize=1000",
            "x-goog-api-key",
            {
                "models": [
                    {"name": "models/gemini-2.5-pro", "supportedGenerationMethods": ["generateContent"]},
                    {"name": "models/x", "supportedGenerationMethods": ["embedContent"]},
                ]
            },
            ["gemini/gemini-2.5-pro"],
        ),
        ("ollama", "/v1", "/api/tags", "authorization", {"models": [{"name": "llama3.2:3b"}]}, ["ollama/llama3.2:3b"]),
        (
            "hosted_vllm",
            "",
            "/v1/models",
            "authorization",
            {"data": [{"id": "Qwen/Qwen3-8B"}]},
            ["hosted_vllm/Qwen/Qwen3-8B"],
        ),
        ("lm_studio", "/v1", "/v1/models", "authorization", {"data": [{"id": "qwen3"}]}, ["lm_studio/qwen3"]),
        ("litellm_proxy", "", "/models", "authorization", {"data": [{"id": "fast"}]}, ["litellm_proxy/fast"]),
        (
            "together_ai",
            "/v1",
            "/v1/models",
            "authorization",
            [{"id": "m", "type": "chat"}, {"id": "e", "type": "embedding"}],
            ["together_ai/m"],
        ),
        (
            "mistral",
            "/v1",
            "/v1/models",
            "authorization",
            {
                "data": [
                    {"id": "mistral-small", "capabilities": {"completion_chat": True}},
                    {"id": "o", "capabilities": {"completion_chat": False}},
                ]
            },
            ["mistral/mistral-small"],
        ),
        ("azure", "/openai", "/openai/models?api-version=2024-10-21", "api-key", {"data": [{"id": "gpt-4o"}]}, []),
    ],
)
async def test_each_list_is_asked_for_and_read_in_its_own_way(
    provider: str, end: str, path: str, header: str, body: Any, models: list[str]
) -> None:
    with Site({path: reply(body)}) as site:
        listing = await listed(provider, site, end)
    (asked,) = site.asked
    assert (asked.method, asked.path, list(listing.models)) == ("GET", path, models)
    assert asked.headers[header] == (f"Bearer {KEY}" if header == "authorization" else KEY)


async def test_a_server_without_a_key_is_sent_none() -> None:
    with Site({"/api/tags": reply({"models": []})}) as site:
        listing = await listed("ollama", site, key="")
    assert "authorization" not in site.asked[0].headers
    assert listing == Listing(note=f"The server at {site.url} lists no model for chats yet.")


@pytest.mark.parametrize(
    ("answer", "field", "says"),
    [
        (
            reply({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401),
            "api_key",
            "does not take this key",
        ),
        (reply({"error": {"message": "Missing scopes: api.model.read"}}, 403), "api_key", "let it list models"),
        (reply({"error": {"message": "Insufficient Balance"}}, 402), "api_key", "Add credit"),
        (reply({"error": {"message": "slow down"}}, 429), "", "Test again later"),
        (Reply(b"<html>502</html>", 502), "", "Test again later"),
        (Reply(b"404 page not found", 404), "base_url", "many end in /v1"),
        (Reply(b"<html>A shop</html>"), "base_url", "no model server"),
        (reply({"hello": "world"}), "base_url", "no model server"),
        (
            Reply(b"", 301, {"Location": "https://elsewhere.example/v1"}),
            "base_url",
            "redirects to https://elsewhere.example",
        ),
    ],
)
async def test_each_failure_says_what_to_do_and_where(answer: Reply, field: str, says: str) -> None:
    with Site({"/v1/models": answer}) as site:
        failed = await fault("openai", site, "/v1")
    assert (failed.field, says in str(failed)) == (field, True), failed
    assert len(site.asked) == 1


async def test_a_server_that_is_not_there_or_out_of_reach_is_named_so() -> None:
    with Site() as site:
        pass
    assert f"Nothing answers at {site.url}/v1. Is the server running" in str(await fault("openai", site, "/v1"))
    with pytest.raises(ServerFault, match="not a public address"):
        await list_models("openai", Credential(KEY, "http://127.0.0.1:1/v1"), GuardedHttp(Reach()))


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    slow = Reply(iter([b"{", b"}"] * 10), pause_s=0.5)
    with Site({"/v1/models": slow}) as site:
        assert "No complete answer within 2 s" in str(await fault("openai", site, "/v1"))


async def test_a_provider_without_a_list_says_so() -> None:
    listing = await list_models("perplexity", Credential(KEY), HTTP)
    assert (listing.was_asked, "the first call will tell" in listing.note) == (False, True)


async def test_odd_rows_are_left_out_and_the_list_is_bounded() -> None:
    rows = [{"id": 3}, None, "x", {"id": "a b"}, {"id": "x" * 300}, *({"id": f"m{number}"} for number in range(900))]
    with Site({"/v1/models": reply({"data": rows})}) as site:
        listing = await listed("openai", site, "/v1")
    assert (len(listing.models), listing.models[0]) == (500, "openai/m0")
