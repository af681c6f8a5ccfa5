"""Model ids: which provider an id belongs to, and its bare form. Knows names only, never asks LiteLLM, which is
heavy.
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
    "ollama": "Ollama",
    "azure": "Azure OpenAI",
    "serper": "Serper (web search)",
    "mcp": "MCP server (token)",
}
"""Providers a team can keep a key for, with their names for people."""

ALIASES = {"text-completion-openai": "openai", "ollama_chat": "ollama", "cohere_chat": "cohere"}

BARE_PREFIXES = (
    (("gpt-", "o1", "o3", "o4", "chatgpt-", "codex-", "text-embedding-"), "openai"),
    (("claude-",), "anthropic"),
    (("gemini-", "gemma-"), "gemini"),
    (("mistral-", "ministral-", "codestral", "open-mistral", "open-mixtral", "magistral-"), "mistral"),
    (("command-", "c4ai-"), "cohere"),
    (("deepseek-",), "deepseek"),
    (("grok-",), "xai"),
)


def is_simulated(model: str) -> bool:
    """Whether the id itself says that the simulator answers in the model's place."""
    return model.startswith(SIMULATED_PREFIX)


def real_id(model: str) -> str:
    """The id as LiteLLM knows it: without ``simulated/``, and with its name ``gemini`` for what CrewAI calls
    ``google``.
    """
    name = model.removeprefix(SIMULATED_PREFIX)
    return f"gemini/{name.removeprefix(GOOGLE_PREFIX)}" if name.startswith(GOOGLE_PREFIX) else name


def provider_of(model: str) -> str | None:
    """``openai`` for ``gpt-4o`` and ``openai/gpt-4o``; None for a bare name that no provider is known by."""
    name = real_id(model)
    head, slash, _ = name.partition("/")
    if slash:
        return ALIASES.get(head, head)
    lowered = name.lower()
    return next((provider for prefixes, provider in BARE_PREFIXES if lowered.startswith(prefixes)), None)


def bare_id(model: str) -> str:
    """``gpt-4o`` for ``openai/gpt-4o`` and ``simulated/gpt-4o``; ids of providers that host others' models stay
    whole.
    """
    name = real_id(model)
    head, slash, rest = name.partition("/")
    if slash and ALIASES.get(head, head) in ("openai", "anthropic") and "/" not in rest:
        return rest
    return name
