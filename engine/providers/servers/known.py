"""What is known of each provider's server: where it is, where its list of models is, and how it takes a key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """``base_url``: the provider's own; "" where only people know it. ``models``: where its list is, after that;
    "" if there is none. ``key_in``: the header of the key; "Authorization" takes it as a bearer token.

    ``example``: a base URL as people write it. ``lists_ids``: whether the list holds what agents name as their model.
    ``note``: what whoever adds a key should know.
    """

    base_url: str = ""
    models: str = "/models"
    key_in: str = "Authorization"
    headers: tuple[tuple[str, str], ...] = ()
    example: str = ""
    lists_ids: bool = True
    note: str = ""


SERVERS: dict[str, Server] = {
    "openai": Server("https://api.openai.com/v1", example="https://llm.example.com/v1"),
    "anthropic": Server(
        "https://api.anthropic.com",
        "/v1/models?limit=1000",
        "x-api-key",
        (("anthropic-version", "2023-06-01"),),
    ),
    "gemini": Server("https://generativelanguage.googleapis.com/v1beta", "/models?pageSize=1000", "x-goog-api-key"),
    "mistral": Server("https://api.mistral.ai/v1"),
    "cohere": Server("https://api.cohere.com", "/v1/models?page_size=1000&endpoint=chat"),
    "deepseek": Server("https://api.deepseek.com"),
    "groq": Server("https://api.groq.com/openai/v1"),
    "xai": Server("https://api.x.ai/v1"),
    # Its list of all models asks for no key; that of the models of an account does.
    "openrouter": Server("https://openrouter.ai/api/v1", "/models/user"),
    "together_ai": Server("https://api.together.xyz/v1"),
    "fireworks_ai": Server("https://api.fireworks.ai/inference/v1"),
    "perplexity": Server("https://api.perplexity.ai", ""),
    "cerebras": Server("https://api.cerebras.ai/v1"),
    "deepinfra": Server("https://api.deepinfra.com/v1/openai"),
    "sambanova": Server("https://api.sambanova.ai/v1"),
    "nvidia_nim": Server("https://integrate.api.nvidia.com/v1"),
    "moonshot": Server("https://api.moonshot.ai/v1"),
    "azure": Server(
        "",
        "/openai/models?api-version={api_version}",
        "api-key",
        (),
        "https://NAME.openai.azure.com",
        lists_ids=False,
        note="Azure lists models, and not your deployments: write azure/ and the deployment's name.",
    ),
    "bedrock": Server("", "", "Authorization", (), "https://bedrock-runtime.eu-central-1.amazonaws.com"),
    "ollama": Server(
        "http://127.0.0.1:11434",
        "/api/tags",
        example="http://127.0.0.1:11434",
        note="It cuts prompts beyond its context in silence, often at 4,096 tokens: set OLLAMA_CONTEXT_LENGTH there.",
    ),
    "hosted_vllm": Server("", example="http://127.0.0.1:8000/v1"),
    "lm_studio": Server("http://127.0.0.1:1234/v1", example="http://127.0.0.1:1234/v1"),
    "llamafile": Server("http://127.0.0.1:8080/v1", example="http://127.0.0.1:8080/v1"),
    "litellm_proxy": Server("", example="http://127.0.0.1:4000"),
}
NEEDS_BASE_URL = frozenset(name for name, server in SERVERS.items() if not server.base_url)
AZURE_API_VERSION = "2024-10-21"
"""The newest that is no preview, for keys without one."""
CANNOT = {
    "vertex_ai": "Vertex AI takes signed tokens that live for an hour, and no keys. Use gemini/ ids with a Gemini key, "
    "or reach it through LiteLLM's proxy",
    "sagemaker": "SageMaker takes signed requests, and no keys. Reach it through LiteLLM's proxy",
    "watsonx": "watsonx takes tokens that live for an hour. Reach it through LiteLLM's proxy",
}
"""Providers whose models cannot be asked from here, and what can be done instead."""
