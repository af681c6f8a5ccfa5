"""What people copy from documentation becomes the base URL that the client needs."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, PROVIDERS
from engine.providers.servers.base_urls import BaseUrl, base_url_of
from engine.providers.servers.known import AZURE_API_VERSION, CANNOT, NEEDS_BASE_URL, SERVERS

LOCAL = "http://127.0.0.1:11434"
AZURE = "https://name.openai.azure.com"


@pytest.mark.parametrize(
    ("provider", "typed", "url"),
    [
        *[("ollama", f"{LOCAL}{end}", LOCAL) for end in ("", "/", "/v1", "/v1/", "/api", "/api/chat", "/api/generate")],
        ("ollama", f"{LOCAL}/v1/chat/completions", LOCAL),
        ("ollama", "https://gate.example/ollama/v1", "https://gate.example/ollama"),
        ("hosted_vllm", "http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("hosted_vllm", "http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("lm_studio", "http://127.0.0.1:1234", "http://127.0.0.1:1234/v1"),
        ("llamafile", "http://127.0.0.1:8080/v1/chat/completions", "http://127.0.0.1:8080/v1"),
        ("litellm_proxy", "http://127.0.0.1:4000/", "http://127.0.0.1:4000"),
        ("openai", "https://llm.example.com/v1/models", "https://llm.example.com/v1"),
        ("openai", "https://llm.example.com", "https://llm.example.com"),
        ("anthropic", "https://gate.example/v1/messages", "https://gate.example"),
        ("openai", "https://gate.example/a%2Fb%00/v1/models", "https://gate.example/a%2Fb%00/v1"),
        ("openrouter", "https://openrouter.ai/api/v1/", "https://openrouter.ai/api/v1"),
        ("azure", f"{AZURE}/openai/deployments/gpt/chat/completions?api-version=2025-01-01", AZURE),
        ("azure", f"{AZURE}/openai/", AZURE),
    ],
)
def test_what_the_client_adds_is_left_out(provider: str, typed: str, url: str) -> None:
    assert base_url_of(provider, typed).url == url
    assert base_url_of(provider, url).url == url


def test_azures_version_comes_from_its_field_or_the_address_or_is_a_usual_one() -> None:
    typed = f"{AZURE}/openai/deployments/gpt?api-version=2025-01-01"
    assert base_url_of("azure", typed).api_version == "2025-01-01"
    assert base_url_of("azure", typed, "2024-06-01").api_version == "2024-06-01"
    assert base_url_of("azure", AZURE).api_version == AZURE_API_VERSION
    assert base_url_of("openai", typed, "2024-06-01").api_version == ""


def test_bedrocks_region_is_that_of_its_host() -> None:
    host = "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert base_url_of("bedrock", f"{host}/") == BaseUrl(host, region="eu-central-1")


PARTS = (
    "https://",
    "a.example",
    "/",
    "//",
    "%00",
    "%2F",
    "%3A",
    ":",
    "?",
    "#",
    "[",
    "]",
    "@",
    "v1",
    "openai",
    "..",
    "é",
)
addresses = st.text(max_size=60) | st.lists(st.sampled_from(PARTS), max_size=6).map("".join)


@given(provider=st.sampled_from([*PROVIDERS]), typed=addresses)
@example(provider="openai", typed="%00")
@example(provider="openai", typed="%2F%2Fa")
@example(provider="openai", typed="https://xn--/")
def test_no_address_breaks_it(provider: str, typed: str) -> None:
    base_url_of(provider, typed)


def test_every_provider_of_models_is_known() -> None:
    assert SERVERS.keys() == PROVIDERS.keys() - NOT_MODEL_PROVIDERS
    assert all(SERVERS[name].example for name in NEEDS_BASE_URL)
    assert not CANNOT.keys() & PROVIDERS.keys()
