"""Model ids: which provider an id belongs to, and its bare form.

Decided by the names alone: LiteLLM knows more, but is too slow to import for this.
"""

from __future__ import annotations

SIMULATED_PREFIX = "simulated/"
GOOGLE_PREFIX = "google/"

PROVIDERS: dict[str, str] = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "gemini": "Google Gemini",
    "mistral": "Mistral",
    "cohere": "Cohere",
    "deepseek": "DeepSeek",
    "groq": "Groq",
    "xai": "xAI",
    "openrouter": "OpenRouter",
    "together_ai": "Together AI",
    "fireworks_ai": "Fireworks AI",
    "perplexity": "Perplexity",
    "cerebras": "Cerebras",
    "deepinfra": "DeepInfra",
    "sambanova": "SambaNova",
    "nvidia_nim": "NVIDIA NIM",
    "moonshot": "Moonshot (Kimi)",
    "azure": "Azure OpenAI",
    "bedrock": "Amazon Bedrock (API key)",
    "ollama": "Ollama",
    "hosted_vllm": "vLLM",
    "lm_studio": "LM Studio",
    "llamafile": "llama.cpp, llamafile",
    "litellm_proxy": "LiteLLM proxy",
    "serper": "Serper (web search)",
    "mcp": "MCP server (token)",
}
"""The providers that a team can keep a key for, each with the name that people see."""

SEARCH_PROVIDER, MCP_PROVIDER = "serper", "mcp"
NOT_MODEL_PROVIDERS = frozenset({SEARCH_PROVIDER, MCP_PROVIDER})
"""Those that are asked by tools, and not for a model's replies."""

STATES_ITS_COST = frozenset({"openrouter", "perplexity", "xai"})
"""Providers whose replies say what they take from the account, fees and discounts included, so that this is booked
unless somebody decides otherwise. Their own pages say so: openrouter.ai/docs/use-cases/usage-accounting,
docs.perplexity.ai/getting-started/pricing, docs.x.ai/developers/cost-tracking."""

ALIASES = {"text-completion-openai": "openai", "ollama_chat": "ollama", "cohere_chat": "cohere"}
"""LiteLLM's further names of a provider."""

BARE_PREFIXES = (
    (("gpt-", "o1", "o3", "o4", "chatgpt-", "codex-", "text-embedding-"), "openai"),
    (("claude-",), "anthropic"),
    (("gemini-", "gemma-"), "gemini"),
    (("mistral-", "ministral-", "codestral", "open-mistral", "open-mixtral", "magistral-"), "mistral"),
    (("command-", "c4ai-"), "cohere"),
    (("deepseek-",), "deepseek"),
    (("grok-",), "xai"),
)
"""How ids without a provider begin, and whose they are."""


def is_simulated(model: str) -> bool:
    """Whether the id itself asks for the simulator instead of the model."""
    return model.startswith(SIMULATED_PREFIX)


def real_id(model: str) -> str:
    """The id as LiteLLM knows it: without ``simulated/``, and with ``gemini/`` where CrewAI writes ``google/``."""
    name = model.removeprefix(SIMULATED_PREFIX)
    return f"gemini/{name.removeprefix(GOOGLE_PREFIX)}" if name.startswith(GOOGLE_PREFIX) else name


def provider_of(model: str) -> str | None:
    """``openai`` for ``gpt-4o``, ``openai/gpt-4o`` and ``ft:gpt-4o:us::1``; None for a bare id of no known provider."""
    name = real_id(model).removeprefix("ft:")
    prefix, slash, _ = name.partition("/")
    if slash:
        return ALIASES.get(prefix, prefix)
    lowered = name.lower()
    return next((provider for prefixes, provider in BARE_PREFIXES if lowered.startswith(prefixes)), None)


def bare_id(model: str) -> str:
    """``gpt-4o`` for ``openai/gpt-4o`` and ``simulated/gpt-4o``.

    Only ids of OpenAI and Anthropic are shortened: other providers host models of several makers.
    """
    name = real_id(model)
    prefix, slash, rest = name.partition("/")
    if slash and ALIASES.get(prefix, prefix) in ("openai", "anthropic") and "/" not in rest:
        return rest
    return name
