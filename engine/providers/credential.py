"""A provider's key, and where the Python API finds it: in the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.catalogue.model_ids import STATES_ITS_COST, provider_of
from engine.spec.crew_spec import LLMSpec

KEY_VARIABLES = {"gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "together_ai": ("TOGETHERAI_API_KEY",)}
"""The variables of providers whose key is not in ``<PROVIDER>_API_KEY``."""
NEEDS_NO_KEY = frozenset({"ollama", "hosted_vllm", "lm_studio", "llamafile", "litellm_proxy"})


@dataclass(frozen=True, slots=True)
class Credential:
    """A provider key and, for servers of one's own, their address. The key is left out of the repr.

    ``books_stated``: what the provider says that a request costs is booked, and not what the price list makes of it.
    ``api_version``: that of Azure; "" for a usual one.
    """

    api_key: str = field(repr=False)
    base_url: str | None = None
    api_version: str = ""
    books_stated: bool = False


FindCredential = Callable[[LLMSpec], Credential | None]
"""The key for a model, None if there is none."""


def environment_credential(llm: LLMSpec) -> Credential | None:
    """The environment's key for the model's provider, under the names that LiteLLM and CrewAI use; None without one."""
    provider = provider_of(llm.model) or "openai"
    names = KEY_VARIABLES.get(provider, (f"{provider.upper()}_API_KEY",))
    key = next((os.environ[name] for name in names if os.environ.get(name)), "")
    bases = (f"{provider.upper()}_BASE_URL", f"{provider.upper()}_API_BASE")
    base_url = next((os.environ[name] for name in bases if os.environ.get(name)), None)
    if not key and provider not in NEEDS_NO_KEY:
        return None
    version = os.environ.get(f"{provider.upper()}_API_VERSION", "")
    return Credential(key, base_url, version, books_stated=provider in STATES_ITS_COST)
