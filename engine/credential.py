"""A provider's key, and who finds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.spec import LLMSpec


@dataclass(frozen=True, slots=True)
class Credential:
    """A provider key and, for OpenAI-compatible servers, where they are. The key is left out of the repr."""

    api_key: str = field(repr=False)
    base_url: str | None = None


FindCredential = Callable[[LLMSpec], Credential | None]
